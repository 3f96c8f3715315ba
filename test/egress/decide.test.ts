import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Networking } from "../../src/domain/Environment.ts"
import { decide } from "../../src/egress/decide.ts"
import { compileNetworking } from "../../src/egress/networking.ts"
import { packageManagerHosts } from "../../src/egress/packageManagers.ts"
import { parsePattern } from "../../src/egress/pattern.ts"
import { limited, limitedBy, noPatterns, publicHosts, special, table } from "./urls.ts"

const boundary = (networking: Networking) => ({ environment: [compileNetworking(networking)], agent: [] })

const outcome = (networking: Networking, url: string, method = "GET") => {
  const parsed = URL.parse(url)
  if (parsed === null) return "no URL"
  return decide(boundary(networking), { method, url: parsed }).effect === "allow" ? "allowed" : "blocked"
}

describe("decide", () => {
  for (const [name, networking, urls] of table) {
    describe(name, () => {
      for (const [url, expected] of urls) {
        it(`${url.slice(0, 80)} is ${expected}`, () => assert.strictEqual(outcome(networking, url), expected))
      }
    })
  }
})

describe("the public internet ends where it ends", () => {
  const wide: ReadonlyArray<Networking> = [
    { type: "unrestricted" },
    limited("*", "*.internal", "*.localhost", "*.local", "*.google.internal", "*.lan", "*.arpa", "*.localdomain")
  ]
  for (const url of special) {
    it(`${url} is blocked`, () =>
      assert.deepStrictEqual(
        wide.map((networking) => outcome(networking, url)),
        ["blocked", "blocked"]
      ))
  }
  for (const url of publicHosts) {
    it(`${url} is allowed`, () => assert.strictEqual(outcome({ type: "unrestricted" }, url), "allowed"))
  }
})

it("what is no host pattern is told apart", () => {
  assert.deepStrictEqual(
    noPatterns.filter((entry) => parsePattern(entry) !== undefined),
    []
  )
  assert.deepStrictEqual(["A.example.com:1", "*.Example.com", "*:65535", "[::FFFF:7f00:1]:80"].map(parsePattern), [
    { key: "a.example.com", port: 1 },
    { key: "*.example.com", port: undefined },
    { key: "*", port: 65_535 },
    { key: "127.0.0.1", port: 80 }
  ])
})

it("methods that answer with the request, or open a tunnel, do not pass", () => {
  for (const method of ["TRACE", "trace", "TRACK", "CONNECT"]) {
    assert.strictEqual(outcome({ type: "unrestricted" }, "https://example.com/", method), "blocked")
  }
  for (const method of ["GET", "HEAD", "POST", "PROPFIND"]) {
    assert.strictEqual(outcome({ type: "unrestricted" }, "https://example.com/", method), "allowed")
  }
})

const reason = (networking: Networking, url: string) =>
  decide(boundary(networking), { method: "GET", url: new URL(url) }).reason

it("the reason says which rule let a request pass, or what is missing", () => {
  assert.strictEqual(
    reason(limited("*.example.com", "www.example.com"), "https://www.example.com/"),
    "allowed_hosts: www.example.com"
  )
  assert.strictEqual(reason(limited("*", "*.example.com"), "https://www.example.com/"), "allowed_hosts: *.example.com")
  assert.strictEqual(
    reason(limitedBy({ allow_package_managers: true }), "https://pypi.org/"),
    "allow_package_managers: PyPI"
  )
  assert.strictEqual(reason(limited("example.com"), "https://example.org/"), "no rule allows this host")
  assert.match(reason(limited("example.com"), "https://example.com:1/"), /port 1 /)
  assert.match(reason(limited("*"), "https://10.0.0.1/"), /private/)
})

it("no package registry is a host that would need to be named", () => {
  for (const host of packageManagerHosts.flatMap(({ hosts }) => hosts)) {
    assert.strictEqual(outcome({ type: "unrestricted" }, `https://${host}/`), "allowed", host)
  }
})

/** Texts made of what URLs and host patterns are made of. */
const pieces = Schema.Array(
  Schema.Literals(
    [
      "example",
      "com",
      "evil",
      "localhost",
      "127.0.0.1",
      "0x7f",
      "2130706433",
      "::1",
      "::ffff:",
      ".",
      ".",
      "*",
      "*.",
      ":",
      ":80",
      "@"
    ].concat(["/", "\\", "?", "#", "%2e", "%00", "[", "]", "。", "ß", "а", "\t", " ", "http://", "https://", "file:"])
  )
).check(Schema.isMaxLength(8))
const text = (pieces: ReadonlyArray<string>) => pieces.join("")

const hosts = [
  "example.com",
  "www.example.com",
  "example.org",
  "com",
  "127.0.0.1",
  "10.0.0.1",
  "[::1]",
  "localhost",
  "a.internal"
]
const port = Schema.Literals(["", ":80", ":443", ":8080"])
const request = Schema.Struct({
  scheme: Schema.Literals(["http", "https"]),
  host: Schema.Literals(hosts),
  port,
  path: Schema.Literals(["/", "/a?b=example.org", "/@example.org", "/#example.org"])
})
const urlOf = ({ scheme, host, port, path }: typeof request.Type) => `${scheme}://${host}${port}${path}`
const entry = Schema.Struct({ host: Schema.Literals(hosts), port })
const entryOf = ({ host, port }: typeof entry.Type) => `${host}${port}`

it.prop(
  "every networking and every URL has an outcome",
  [Schema.Array(pieces), pieces, Schema.Boolean],
  ([entries, url, absolute]) => {
    const parsed = outcome(limited(...entries.map(text)), `${absolute ? "https://" : ""}${text(url)}`)
    assert.include(["allowed", "blocked", "no URL"], parsed)
  }
)

it.prop("what no entry names, no list of hosts lets pass", [Schema.Array(pieces), pieces], ([entries, url]) => {
  const networking = limited(...entries.map(text).filter((entry) => !entry.includes("*")))
  assert.notStrictEqual(outcome(networking, `https://unnamed.${text(url)}`), "allowed")
})

it.prop(
  "naming one more host lets no other host pass",
  [Schema.Array(entry), entry, request],
  ([entries, added, request]) => {
    const before = limited(...entries.map(entryOf))
    const after = limited(...entries.map(entryOf), entryOf(added))
    const changed = outcome(before, urlOf(request)) !== outcome(after, urlOf(request))
    assert.isTrue(!changed || request.host === added.host)
    assert.isTrue(outcome(before, urlOf(request)) === "blocked" || outcome(after, urlOf(request)) === "allowed")
  }
)

const spelling = Schema.Struct({
  userinfo: Schema.Literals(["", "", "", "u@", "u:p@", "example.com@", "example.com:443@"]),
  host: Schema.Literals([
    "example.com",
    "EXAMPLE.com",
    "exampl%65.com",
    "example%2Ecom",
    "ｅxample.com",
    "exаmple.com",
    "example.com.evil.org"
  ]),
  tail: Schema.Literals([
    "",
    "",
    ".",
    "..",
    ".evil.org",
    "%2eevil.org",
    "%00",
    ":443",
    ":444",
    ":",
    "\\.evil.org",
    "?.evil.org"
  ])
})

it.prop(
  "no spelling of a URL is taken for a host that the request would not go to",
  [spelling],
  ([{ userinfo, host, tail }]) => {
    const url = URL.parse(`https://${userinfo}${host}${tail}`)
    const goesThere =
      url !== null &&
      /^example\.com\.?$/.test(url.hostname) &&
      url.port === "" &&
      `${url.username}${url.password}` === ""
    assert.strictEqual(outcome(limited("example.com"), `https://${userinfo}${host}${tail}`) === "allowed", goesThere)
  }
)
