import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { gzipSync } from "node:zlib"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { unstable_startWorker } from "wrangler"
import { localConfig, root } from "../../scripts/config.ts"
import { EgressDecision } from "../../src/domain/Egress.ts"
import type { PolicyRule, Via } from "../../src/domain/Policy.ts"
import type { Ask } from "./gateway.worker.ts"
import { serve, upstream } from "./upstream.ts"

/**
 * A plain local Worker: the test harness sends what leaves through Node's `fetch`, which follows redirects behind the gateway's back and
 * knows no WebSockets.
 */
const home = mkdtempSync(`${tmpdir()}/egress-`)
let worker: Awaited<ReturnType<typeof unstable_startWorker>> | undefined

beforeAll(async () => {
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false"
  const config = {
    ...localConfig({ without: ["build", "assets"] }),
    main: `${root}test/egress/gateway.worker.ts`,
    services: [{ binding: "PRIVATE", service: "ownloop", entrypoint: "PrivateService" }]
  }
  writeFileSync(`${home}/wrangler.json`, JSON.stringify(config))
  worker = await unstable_startWorker({
    config: `${home}/wrangler.json`,
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      persist: false,
      watch: false,
      inspector: false,
      logLevel: "none"
    }
  })
  const migration = readdirSync(`${root}migrations`)
    .sort()
    .map((file) => readFileSync(`${root}migrations/${file}`, "utf8"))
    .join("\n")
  const migrated = await worker.fetch("http://worker/migrate", { method: "POST", body: migration })
  assert.strictEqual(migrated.status, 204)
})

afterAll(async () => {
  await worker?.dispose()
  rmSync(home, { recursive: true })
})

let asked = 0

const decodeReport = Schema.decodeUnknownPromise(
  Schema.Struct({ answer: Schema.Tuple([Schema.Int, Schema.String]), decisions: Schema.Array(EgressDecision) })
)

/** Asks in a session of its own; outcomes are in no order: ids of one millisecond are not sorted. */
const ask = (fields: Partial<Ask> & Pick<Ask, "url">) =>
  Effect.promise(async () => {
    const ask: Ask = {
      from: "isolate",
      gateway: "EgressGateway",
      session: String(++asked),
      allowed: [],
      rules: [],
      ...fields
    }
    const response = await worker!.fetch("http://worker/", { method: "POST", body: JSON.stringify(ask) })
    const { answer, decisions } = await decodeReport(await response.json())
    return {
      status: answer[0],
      text: answer[1],
      outcomes: decisions.map(({ outcome, status }) => `${outcome} ${status}`).sort(),
      reasons: decisions.map(({ reason }) => reason)
    }
  })

const to = (host: string, status: number, location: string) =>
  `http://${host}/to?status=${status}&location=${encodeURIComponent(location)}`

const senders = {
  isolate: "a Dynamic Worker",
  client: "the session's HTTP client",
  tool: "the fetch of a tool"
} as const

for (const from of ["isolate", "client"] as const) {
  describe(`from ${senders[from]}`, () => {
    it.live("a host that is named is reached, cleaned of what it may not say, and recorded", () =>
      Effect.gen(function* () {
        const { host, seen } = yield* upstream
        const headers = { "x-mine": "1", "x-forwarded-for": "1.2.3.4", "cf-connecting-ip": "1.2.3.4" }
        const init = { method: "POST", headers, body: "hello" }
        const result = yield* ask({ from, allowed: [host], url: `http://${host}/a?b`, init })
        assert.deepStrictEqual([result.status, result.outcomes], [200, ["allowed 200"]])
        assert.deepInclude(seen[0], { method: "POST", url: "/a?b", body: "hello" })
        assert.strictEqual(seen[0]?.headers["x-mine"], "1")
        assert.doesNotHaveAnyKeys(seen[0]?.headers, ["x-forwarded-for", "cf-connecting-ip", "traceparent"])
      })
    )

    it.live("any other is blocked, recorded, and hears nothing", () =>
      Effect.gen(function* () {
        const { host, seen } = yield* upstream
        const result = yield* ask({ from, allowed: ["example.com", "*"], url: `http://${host}/` })
        assert.deepStrictEqual([result.status, result.outcomes, seen], [403, ["blocked null"], []])
        assert.strictEqual(JSON.parse(result.text).error.type, "egress_blocked")
      })
    )

    it.live("redirects are followed through the gateway, each hop decided and recorded", () =>
      Effect.gen(function* () {
        const first = yield* upstream
        const second = yield* upstream
        const init = { method: "POST", body: "hello" }
        const followed = yield* ask({ from, allowed: [first.host], url: to(first.host, 307, "/end"), init })
        assert.deepStrictEqual(
          [followed.status, followed.outcomes, first.seen[1]?.body],
          [200, ["allowed 200", "allowed 307"], "hello"]
        )
        const stopped = yield* ask({ from, allowed: [first.host], url: to(first.host, 302, `http://${second.host}/`) })
        assert.deepStrictEqual(
          [stopped.status, stopped.outcomes, second.seen],
          [403, ["allowed 302", "blocked null"], []]
        )
      })
    )

    it.live("a gateway that is not in order, or that is asked for no session, lets nothing pass", () =>
      Effect.gen(function* () {
        const { host, seen } = yield* upstream
        const url = `http://${host}/`
        const broken = yield* ask({ from, allowed: [host], url, gateway: "BrokenGateway" })
        const nobody = yield* ask({ from, allowed: [host], url, session: "" })
        assert.deepStrictEqual([broken.status, broken.outcomes, nobody.status, nobody.outcomes], [502, [], 502, []])
        assert.deepStrictEqual(seen, [])
      })
    )
  })
}

for (const from of ["isolate", "tool"] as const) {
  it.live(`a redirect is handed to ${senders[from]} that asks for it`, () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const result = yield* ask({ from, allowed: [host], url: to(host, 302, "/end"), init: { redirect: "manual" } })
      assert.deepStrictEqual([result.status, result.outcomes, seen.length], [302, ["allowed 302"], 1])
    })
  )
}

/** Accepts a WebSocket and says one word. */
const webSocketServer = Effect.suspend(() => {
  const server = createServer()
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64")
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"))
    socket.write(Buffer.from([0x81, 2, ...Buffer.from("hi")]))
    server.once("close", () => socket.destroy())
  })
  return serve(server)
})

it.live("a WebSocket is decided like any request, and passes through", () =>
  Effect.gen(function* () {
    const { host } = yield* webSocketServer
    const init = { headers: { upgrade: "websocket" } }
    const open = yield* ask({ allowed: [host], url: `http://${host}/`, init })
    assert.deepStrictEqual([open.status, open.text, open.outcomes], [101, "hi", ["allowed 101"]])
    const closed = yield* ask({ url: `http://${host}/`, init })
    assert.deepStrictEqual([closed.status, closed.outcomes], [403, ["blocked null"]])
  })
)

it.live("an answer that is compressed arrives as it was meant", () =>
  Effect.gen(function* () {
    const text = "hello ".repeat(1_000)
    const { host } = yield* serve(
      createServer((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip", "content-type": "text/plain" }).end(gzipSync(text))
      })
    )
    for (const from of ["isolate", "client", "tool"] as const) {
      const answer = yield* ask({ from, allowed: [host], url: `http://${host}/` })
      assert.deepStrictEqual([answer.status, answer.text], [200, text], from)
    }
  })
)

const rule = (host: string, via: Via, fields: Partial<PolicyRule> = {}): PolicyRule => {
  const [name = "", port] = host.split(":")
  return { effect: "allow", host: name, ...(port === undefined ? {} : { port: Number(port) }), via, ...fields }
}

describe("a rule may hand a request to a service of the Worker", () => {
  const via: Via = { type: "binding", binding: "PRIVATE" }

  it.live("which gets it as it is, credentials over https included, and the audit says so", () =>
    Effect.gen(function* () {
      const init = { method: "POST", headers: { "x-mine": "1", host: "evil.com" }, body: "hello" }
      const rules = [rule("private.example", via)]
      const { status, text, outcomes } = yield* ask({ rules, url: "https://private.example/a?b", init })
      assert.deepStrictEqual([status, outcomes], [200, ["injected 200"]])
      const { method, url, headers, isAuthorized, body } = JSON.parse(text)
      assert.deepStrictEqual([method, url, body], ["POST", "https://private.example/a?b", "hello"])
      // It has the credential, and what it says of it is cleaned of that.
      assert.isTrue(isAuthorized)
      assert.deepInclude(headers, { "x-mine": "1", authorization: "[redacted]" })
      const plain = yield* ask({ rules, url: "http://private.example/" })
      assert.deepStrictEqual(plain.outcomes, ["allowed 200"])
      assert.notProperty(JSON.parse(plain.text).headers, "authorization")
    })
  )

  it.live("and where its answer redirects to, is decided as ever", () =>
    Effect.gen(function* () {
      const rules = [rule("db.internal", via)]
      const { status, outcomes } = yield* ask({ rules, url: "http://db.internal/moved" })
      assert.deepStrictEqual([status, outcomes], [403, ["allowed 302", "blocked null"]])
    })
  )

  for (const binding of ["MISSING", "CATALOG", "SESSIONS", "LOADER", "constructor", "__proto__"]) {
    it.live(`but ${binding} is none: blocked, with the reason`, () =>
      Effect.gen(function* () {
        const rules = [rule("private.example", { type: "binding", binding })]
        const { status, outcomes, reasons } = yield* ask({ rules, url: "https://private.example/" })
        assert.deepStrictEqual([status, outcomes], [403, ["blocked null"]])
        assert.match(reasons[0]!, new RegExp(`no service bound as ${binding}, which pol_\\d+ rules\\[0\\] names`))
      })
    )
  }
})

describe("a rule may hand a request to the user's own code", () => {
  const proxy = (code: string): Via => ({ type: "proxy", code: `export default ${code}` })

  it.live("which may change it", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const code = `(request) => {
        const url = new URL(request.url)
        url.searchParams.set("added", "1")
        const headers = new Headers(request.headers)
        headers.set("x-proxy", "1")
        headers.set("x-forwarded-for", "1.2.3.4")
        return new Request(url, { method: "PUT", headers, body: request.body })
      }`
      const init = { method: "POST", headers: { "x-mine": "1" }, body: "hello" }
      const { status, outcomes } = yield* ask({ rules: [rule(host, proxy(code))], url: `http://${host}/a`, init })
      assert.deepStrictEqual([status, outcomes], [200, ["allowed 200"]])
      const [request] = seen
      assert.deepInclude(request, { method: "PUT", url: "/a?added=1", body: "hello" })
      assert.deepInclude(request?.headers, { "x-mine": "1", "x-proxy": "1" })
      assert.notProperty(request?.headers, "x-forwarded-for")
    })
  )

  it.live("answer it, drop it, or let it go as it is", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const code = `async (request) => {
        const { pathname } = new URL(request.url)
        if (pathname === "/answer") return new Response("mine: " + await request.text(), { status: 418 })
        return pathname === "/drop" ? null : request
      }`
      const from = (path: string) =>
        ask({
          rules: [rule(host, proxy(code))],
          url: `http://${host}${path}`,
          init: { method: "POST", body: "hello" }
        })
      const answered = yield* from("/answer")
      assert.deepStrictEqual([answered.status, answered.text, answered.outcomes], [418, "mine: hello", ["allowed 418"]])
      const dropped = yield* from("/drop")
      assert.deepStrictEqual([dropped.status, dropped.outcomes], [403, ["blocked null"]])
      assert.match(dropped.reasons[0]!, /dropped by the proxy code of pol_\d+ rules\[0\]/)
      assert.deepStrictEqual(seen, [])
      assert.deepStrictEqual((yield* from("/go")).outcomes, ["allowed 200"])
      assert.deepInclude(seen[0], { method: "POST", url: "/go", body: "hello" })
    })
  )

  it.live("but not send it elsewhere, nor where no rule lets it", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const other = yield* upstream
      const open = { path: "/open/*", methods: ["GET"] }
      const becomes = (request: string) =>
        ask({ rules: [rule(host, proxy(`() => ${request}`), open)], url: `http://${host}/open/a` })
      for (const [request, reason] of [
        [`new Request("http://${other.host}/")`, /another origin/],
        [`new Request("https://${host}/open/a")`, /another origin/],
        [`new Request("http://${host}/closed")`, /not with this scheme, method and path/],
        [`new Request("http://${host}/open/%2e%2e%2fclosed")`, /another way/],
        [`new Request("http://${host}/open/a", { method: "DELETE" })`, /not with this scheme, method and path/],
        [`new Request("http://${host}/open/b?key=sk-ant-api03-x")`, /Anthropic API key/]
      ] as const) {
        const { status, outcomes, reasons } = yield* becomes(request)
        assert.deepStrictEqual([status, outcomes], [403, ["blocked null"]], request)
        assert.match(reasons[0]!, reason)
      }
      assert.deepStrictEqual([seen, other.seen], [[], []])
      assert.deepStrictEqual((yield* becomes(`new Request("http://${host}/open/b")`)).outcomes, ["allowed 200"])
    })
  )

  it.live("and it has no network, no bindings and no credential", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const code = `async (request) => {
        const fetched = await fetch("http://${host}/stolen").then(({ status }) => status, () => "no network")
        const socket = await import("cloudflare:sockets")
          .then(({ connect }) => connect("${host}").opened)
          .then(() => "opened", () => "no socket")
        const { env } = await import("cloudflare:workers")
        return Response.json([fetched, socket, Object.keys(env), request.headers.get("authorization")])
      }`
      const { status, text, outcomes } = yield* ask({
        rules: [rule("private.example", proxy(code))],
        url: "https://private.example/"
      })
      assert.deepStrictEqual([status, JSON.parse(text)], [200, ["no network", "no socket", [], null]])
      assert.deepStrictEqual([outcomes, seen], [["allowed 200"], []])
    })
  )

  it.live("code that fails, or is no module, blocks; and code that was changed counts at once", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const run = (code: string) => ask({ rules: [rule(host, proxy(code))], url: `http://${host}/` })
      for (const code of ['() => { throw new Error("no") }', "1", "() => 7", "(request =>", "async () => ({})"]) {
        const { status, outcomes, reasons } = yield* run(code)
        assert.deepStrictEqual([status, outcomes], [403, ["blocked null"]], code)
        assert.match(reasons[0]!, /the proxy code of pol_\d+ rules\[0\] failed/)
      }
      assert.strictEqual((yield* run('() => new Response("one")')).text, "one")
      assert.strictEqual((yield* run('() => new Response("two")')).text, "two")
      assert.deepStrictEqual(seen, [])
    })
  )
})
