import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { unstable_startWorker } from "wrangler"
import { localConfig, root } from "../../scripts/config.ts"
import { EgressDecision } from "../../src/domain/Egress.ts"
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
  const config = { ...localConfig({ without: ["build", "assets"] }), main: `${root}test/egress/gateway.worker.ts` }
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
    const ask: Ask = { from: "isolate", gateway: "EgressGateway", session: String(++asked), allowed: [], ...fields }
    const response = await worker!.fetch("http://worker/", { method: "POST", body: JSON.stringify(ask) })
    const { answer, decisions } = await decodeReport(await response.json())
    return {
      status: answer[0],
      text: answer[1],
      outcomes: decisions.map(({ outcome, status }) => `${outcome} ${status}`).sort()
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
