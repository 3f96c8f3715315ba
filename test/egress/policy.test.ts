import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { PolicyRule } from "../../src/domain/Policy.ts"
import { decide, limitsOf } from "../../src/egress/decide.ts"
import { compileNetworking } from "../../src/egress/networking.ts"
import { strictness } from "../../src/egress/rules.ts"
import { paths } from "./paths.ts"
import { boundary, effectOf, rulesOf } from "./policies.ts"
import { limited } from "./urls.ts"

const allow = (host: string, fields: Partial<PolicyRule> = {}): PolicyRule => ({ effect: "allow", host, ...fields })
const deny = (host: string, fields: Partial<PolicyRule> = {}): PolicyRule => ({ effect: "deny", host, ...fields })
const ask = (host: string, fields: Partial<PolicyRule> = {}): PolicyRule => ({ effect: "ask", host, ...fields })

describe("the most specific rule wins, and of equals the strictest", () => {
  const table: ReadonlyArray<readonly [rules: ReadonlyArray<PolicyRule>, request: string, effect: string]> = [
    [[], "GET https://a.example/", "deny"],
    [[allow("*"), deny("*.example")], "GET https://a.example/", "deny"],
    [[deny("*"), allow("*.example")], "GET https://a.example/", "allow"],
    [[deny("*.example"), allow("*.a.example")], "GET https://x.a.example/", "allow"],
    [[deny("*.a.example"), allow("x.a.example")], "GET https://x.a.example/", "allow"],
    [[allow("a.example"), deny("a.example")], "GET https://a.example/", "deny"],
    [[allow("a.example"), ask("a.example")], "GET https://a.example/", "ask"],
    [[ask("a.example"), deny("a.example")], "GET https://a.example/", "deny"],
    [[deny("a.example"), allow("a.example", { path: "/x/*" })], "GET https://a.example/x/y", "allow"],
    [[deny("a.example", { path: "/x/*" }), allow("a.example", { path: "/x/y" })], "GET https://a.example/x/y", "allow"],
    [
      [deny("a.example", { path: "/x/*" }), allow("a.example", { path: "/x/y/*" })],
      "GET https://a.example/x/y/z",
      "allow"
    ],
    [[deny("a.example"), allow("a.example", { methods: ["GET"] })], "GET https://a.example/", "allow"],
    [[deny("a.example"), allow("a.example", { methods: ["GET"] })], "POST https://a.example/", "deny"],
    [[deny("a.example", { methods: ["GET"] }), allow("a.example", { path: "/x" })], "GET https://a.example/x", "allow"],
    [[deny("a.example", { port: "any" }), allow("a.example")], "GET https://a.example/", "allow"],
    [[deny("a.example"), allow("a.example", { port: 443 })], "GET https://a.example/", "allow"],
    [[deny("a.example"), allow("a.example", { scheme: "https" })], "GET http://a.example/", "deny"],
    [[deny("a.example"), allow("a.example", { scheme: "https" })], "GET https://a.example/", "allow"],
    // A wider host pattern never goes first, however much else it says.
    [
      [allow("*", { methods: ["GET"], path: "/x", port: 443, scheme: "https" }), deny("*.example")],
      "GET https://a.example/x",
      "deny"
    ],
    // A rule that does not fit leaves the request to the next.
    [
      [allow("a.example", { path: "/x" }), allow("*.example", { methods: ["GET"] })],
      "GET https://a.example/y",
      "allow"
    ],
    [[allow("a.example", { methods: ["get"] })], "GET https://a.example/", "allow"],
    [[deny("a.example", { methods: ["PATCH"] }), allow("a.example")], "patch https://a.example/", "deny"],
    [[allow("a.example", { port: 8443 })], "GET https://a.example:8443/", "allow"],
    [[allow("a.example", { port: 8443 })], "GET https://a.example/", "deny"],
    [[allow("a.example", { scheme: "http", port: "any" })], "GET http://a.example:1/", "allow"],
    [[allow("a.example", { scheme: "http", port: "any" })], "GET https://a.example:1/", "deny"]
  ]
  for (const [rules, request, effect] of table) {
    it(`${JSON.stringify(rules)}: ${request} is ${effect}`, () => {
      const [method, url] = request.split(" ")
      assert.strictEqual(effectOf(boundary([rules]), url!, method), effect)
      // Nor does it matter in which order they stand, nor in which policies.
      assert.strictEqual(effectOf(boundary([rules.toReversed()]), url!, method), effect)
      assert.strictEqual(effectOf(boundary(rules.map((rule) => [rule])), url!, method), effect)
    })
  }
})

describe("what is not on the public internet", () => {
  const hosts = ["10.0.0.1", "localhost", "[::1]", "db.internal", "169.254.169.254"]
  const wide = ["*", "*.internal", "*.localhost"].flatMap((host) => [
    allow(host, { port: "any" }),
    ask(host, { path: "/" })
  ])
  for (const host of hosts) {
    it(`${host} passes only where a rule names it`, () => {
      assert.strictEqual(effectOf(boundary([wide]), `http://${host}/`), "deny")
      assert.strictEqual(effectOf(boundary([[...wide, deny(host, { port: 1 })]]), `http://${host}/`), "deny")
      assert.strictEqual(effectOf(boundary([[allow(host)]]), `http://${host}/`), "allow")
      assert.strictEqual(effectOf(boundary([[ask(host)]]), `http://${host}/`), "ask")
      assert.strictEqual(effectOf(boundary([[...wide, allow(host)]], [wide]), `http://${host}/`), "deny")
    })
  }
})

describe("composition", () => {
  const networking = compileNetworking(limited("a.example", "b.example"))

  it("networking and the environment's policies are one set of rules", () => {
    const decides = { environment: [networking, rulesOf([deny("b.example"), allow("c.example")])], agent: [] }
    const effects = ["a", "b", "c", "d"].map((name) => effectOf(decides, `https://${name}.example/`))
    assert.deepStrictEqual(effects, ["allow", "deny", "allow", "deny"])
  })

  it("the agent's policies narrow it, and never widen it", () => {
    const decides = { environment: [networking], agent: [rulesOf([ask("a.example"), allow("c.example")])] }
    const effects = ["a", "b", "c"].map((name) => effectOf(decides, `https://${name}.example/`))
    assert.deepStrictEqual(effects, ["ask", "deny", "deny"])
    const { reason } = decide(decides, { method: "GET", url: new URL("https://b.example/") })
    assert.strictEqual(reason, "the agent's policies: no rule allows this host")
  })

  it("of the limits the smallest count", () => {
    const limits = limitsOf({
      environment: [networking, rulesOf([], { total_ms: 9, header_bytes: 5 })],
      agent: [rulesOf([], { total_ms: 7 })]
    })
    assert.deepInclude(limits, { total_ms: 7, header_bytes: 5, first_byte_ms: 120_000 })
  })
})

describe("paths that can be read in more than one way", () => {
  const decides = boundary([
    [
      allow("a.example", { path: "/v1/*" }),
      deny("a.example", { path: "/v1/admin/*" }),
      allow("a.example", { path: "/v1/admin/help" }),
      ask("a.example", { path: "/v1/keys" })
    ]
  ])
  for (const [path, effect] of paths) {
    it(`${path} is ${effect}`, () => assert.strictEqual(effectOf(decides, `https://a.example${path}`), effect))
  }

  it("pass all the same where no rule goes by path", () => {
    for (const [path] of paths) {
      assert.strictEqual(effectOf(boundary([[allow("a.example")]]), `https://a.example${path}`), "allow")
    }
  })

  it("are matched by a rule that spells them so", () => {
    const decides = boundary([[allow("a.example", { path: "/a%20b/%7euser/*" })]])
    for (const path of ["/a%20b/~user/x", "/a b/%7Euser/x"]) {
      assert.strictEqual(effectOf(decides, `https://a.example${path}`), "allow")
    }
  })
})

const hosts = ["a.example", "x.a.example", "b.example", "10.0.0.1", "localhost", "[::1]", "xn--bcher-kva.example"]
const optional = <const A extends ReadonlyArray<string | number>>(values: A) =>
  Schema.optionalKey(Schema.Literals(values))
const rule = Schema.Struct({
  effect: Schema.Literals(["allow", "deny", "ask"]),
  host: Schema.Literals(["*", "*.example", "*.a.example", ...hosts]),
  scheme: optional(["http", "https"]),
  port: optional([80, 443, 8080, "any"]),
  methods: Schema.optionalKey(Schema.NonEmptyArray(Schema.Literals(["GET", "POST", "delete"]))),
  path: optional(["/", "/*", "/x", "/x/*", "/x/y", "/x%2Fy", "/x%20y/*"])
})
const policies = Schema.Array(Schema.Array(rule).check(Schema.isMaxLength(6))).check(Schema.isMaxLength(3))
const request = Schema.Struct({
  method: Schema.Literals(["GET", "POST", "DELETE", "get", "TRACE"]),
  scheme: Schema.Literals(["http", "https"]),
  host: Schema.Literals(hosts),
  port: Schema.Literals(["", ":80", ":443", ":8080"]),
  path: Schema.Literals(["/", "/x", "/x/", "/x/y", "/x%2fy", "/x//y", "/x%20y/z", "/%78/..;/x", "/z?x=/x/y"])
})
type Rules = ReadonlyArray<ReadonlyArray<PolicyRule>>
const strict = (environment: Rules, agent: Rules, { method, scheme, host, port, path }: typeof request.Type) =>
  strictness[effectOf(boundary(environment, agent), `${scheme}://${host}${port}${path}`, method)]

it.prop(
  "adding a deny, anywhere, never lets more through",
  [policies, policies, rule, request, Schema.Int],
  ([environment, agent, added, request, place]) => {
    const before = strict(environment, agent, request)
    const denial: PolicyRule = { ...added, effect: "deny" }
    const into = (all: Rules) =>
      all.map((rules, index) => (index === Math.abs(place) % all.length ? [...rules, denial] : rules))
    assert.isAtLeast(strict([...environment, [denial]], agent, request), before)
    assert.isAtLeast(strict(into(environment), agent, request), before)
    assert.isAtLeast(strict(environment, [...agent, [denial]], request), before)
    assert.isAtLeast(strict(environment, into(agent), request), before)
  }
)

it.prop(
  "no policy of an agent lets through what its environment does not",
  [policies, policies, request],
  ([environment, agent, request]) =>
    assert.isAtLeast(strict(environment, agent, request), strict(environment, [], request))
)

it.prop(
  "the order of rules and policies does not matter",
  [policies, policies, request],
  ([environment, agent, request]) => {
    const reversed = (all: Rules) => all.map((rules) => rules.toReversed()).toReversed()
    assert.strictEqual(strict(environment, agent, request), strict(reversed(environment), reversed(agent), request))
  }
)

it.prop("without a rule for the host, or a wildcard over it, nothing passes", [policies, request], ([all, request]) => {
  const others = all.map((rules) => rules.filter(({ host }) => !host.startsWith("*") && host !== request.host))
  assert.strictEqual(strict(others, [], request), strictness.deny)
})

const spellings = Schema.Struct({
  host: Schema.Literals([
    "a.example",
    "A.EXAMPLE",
    "a%2Eexample",
    "ａ.example",
    "a。example",
    "b.example",
    "a.example.evil.org"
  ]),
  dot: Schema.Literals(["", "."]),
  userinfo: Schema.Literals(["", "a.example@", "u:p@"]),
  port: Schema.Literals(["", ":443", ":8443"])
})

it.prop(
  "a host pattern matches the host that the request goes to, and no other, however it is spelled",
  [spellings, Schema.Literals(["a.example", "*.example", "*"])],
  ([{ host, dot, userinfo, port }, pattern]) => {
    const url = new URL(`https://${userinfo}${host}${dot}${port}/`)
    const name = url.hostname.replace(/\.$/, "")
    const isMeant = pattern === "*" || (pattern === "*.example" ? name.endsWith(".example") : name === pattern)
    const passes = isMeant && url.port === "" && url.username === ""
    assert.strictEqual(effectOf(boundary([[allow(pattern)]]), url.href) === "allow", passes)
  }
)
