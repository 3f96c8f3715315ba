import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Recording from "../../layers/egress/Recording.ts"
import { handle } from "../../src/egress/gateway.ts"
import { forwardable, malformed, sizeOf } from "../../src/egress/headers.ts"
import { rulesOf } from "./policies.ts"

/** What becomes of a header: it goes on, it stays behind, or no request can have it. */
type Outcome = "kept" | "dropped" | "refused"

/** Honest and hostile headers, each with what must come of it. */
const table: ReadonlyArray<readonly [name: string, value: string, outcome: Outcome]> = [
  ["accept", "text/html", "kept"],
  ["authorization", "Bearer own", "kept"],
  ["cookie", "a=b", "kept"],
  ["content-type", "application/json", "kept"],
  ["idempotency-key", "k", "kept"],
  ["range", "bytes=0-1", "kept"],
  ["user-agent", "agent", "kept"],
  ["x-custom", "ü", "kept"],
  ["x-custom", "a\tb", "kept"],
  ["x-custom", 'a"; DROP', "kept"],
  ["x-custom", "%0d%0ax-evil: 1", "kept"],
  // Of one connection only.
  ["connection", "close", "dropped"],
  ["keep-alive", "timeout=5", "dropped"],
  ["proxy-connection", "keep-alive", "dropped"],
  ["proxy-authenticate", "Basic", "dropped"],
  ["proxy-authorization", "Basic eA==", "dropped"],
  ["te", "trailers", "dropped"],
  ["trailer", "x-evil", "dropped"],
  ["upgrade", "h2c", "dropped"],
  ["upgrade", "websocket, h2c", "dropped"],
  ["http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA", "dropped"],
  ["expect", "100-continue", "dropped"],
  // Smuggling: the length of a message is the runtime's own matter.
  ["transfer-encoding", "chunked", "dropped"],
  ["transfer-encoding", "identity", "dropped"],
  ["transfer-encoding", "xchunked", "dropped"],
  ["transfer-encoding", "chunked, identity", "dropped"],
  ["Transfer-Encoding", "cHuNkEd", "dropped"],
  ["content-length", "0", "dropped"],
  ["content-length", "6, 6", "dropped"],
  ["content-length", "-1", "dropped"],
  ["content-length", "1e9", "dropped"],
  ["transfer-encoding ", "chunked", "refused"],
  ["transfer-encoding\t", "chunked", "refused"],
  ["transfer_encoding", "chunked", "kept"],
  // Another host, path or method than was decided about.
  ["host", "evil.com", "dropped"],
  ["HOST", "evil.com:80", "dropped"],
  [":authority", "evil.com", "refused"],
  [":path", "/evil", "refused"],
  ["x-host", "evil.com", "dropped"],
  ["x-forwarded-host", "evil.com", "dropped"],
  ["x-forwarded-server", "evil.com", "dropped"],
  ["x-forwarded-proto", "http", "dropped"],
  ["x-original-host", "evil.com", "dropped"],
  ["x-http-host-override", "evil.com", "dropped"],
  ["forwarded", "host=evil.com", "dropped"],
  ["x-original-url", "/admin", "dropped"],
  ["x-rewrite-url", "/admin", "dropped"],
  ["x-http-method", "DELETE", "dropped"],
  ["x-http-method-override", "DELETE", "dropped"],
  ["X-HTTP-Method-Override", "DELETE", "dropped"],
  ["x-method-override", "DELETE", "dropped"],
  ["x-original-method", "DELETE", "dropped"],
  // Claims about who asks.
  ["x-forwarded-for", "127.0.0.1", "dropped"],
  ["X-FORWARDED-FOR", "127.0.0.1", "dropped"],
  ["x-real-ip", "127.0.0.1", "dropped"],
  ["x-client-ip", "127.0.0.1", "dropped"],
  ["true-client-ip", "127.0.0.1", "dropped"],
  ["cf-connecting-ip", "127.0.0.1", "dropped"],
  ["cf-access-jwt-assertion", "e30", "dropped"],
  ["cf-worker", "evil.com", "dropped"],
  ["cdn-loop", "cloudflare", "dropped"],
  ["via", "1.1 evil", "dropped"],
  // Injection: neither a name nor a value can hold a line's end.
  ["x-evil", "a\r\nx-injected: 1", "refused"],
  ["x-evil", "a\nx-injected: 1", "refused"],
  ["x-evil", "a\rx-injected: 1", "refused"],
  ["x-evil", "a\r\n b", "refused"],
  ["x-evil", "a\0b", "refused"],
  ["x-evil", "a\u010d\u010ab", "refused"],
  ["x-evil", "snow\u2603", "refused"],
  ["x-evil\r\nx-injected", "1", "refused"],
  ["x-evil: 1\nx-injected", "1", "refused"],
  ["x evil", "1", "refused"],
  ["x-evil:", "1", "refused"],
  ["x-evil(", "1", "refused"],
  ["x-ev\u00efl", "1", "refused"],
  ["", "1", "refused"]
]

const outcomeOf = (name: string, value: string): Outcome => {
  let headers: Headers
  try {
    headers = new Headers([[name, value]])
  } catch {
    return "refused"
  }
  if (malformed(headers) !== undefined) return "refused"
  return forwardable(headers).has(name) ? "kept" : "dropped"
}

describe("headers", () => {
  for (const [name, value, outcome] of table) {
    it(`${JSON.stringify(`${name}: ${value}`)} is ${outcome}`, () =>
      assert.strictEqual(outcomeOf(name, value), outcome))
  }

  it("what Connection names stays behind, and a WebSocket's upgrade goes on", () => {
    const headers = new Headers({ connection: "X-One, x-two ,upgrade", "x-one": "1", "x-two": "2", "x-three": "3" })
    assert.deepStrictEqual([...forwardable(headers)], [["x-three", "3"]])
    for (const upgrade of ["websocket", "WebSocket"]) {
      const kept = forwardable(new Headers({ connection: "upgrade", upgrade, "sec-websocket-key": "k" }))
      assert.deepStrictEqual(Object.fromEntries(kept), { "sec-websocket-key": "k", upgrade: "websocket" })
    }
  })

  it("are measured as they are sent", () => {
    assert.strictEqual(sizeOf(new Headers({ a: "b", cd: "ef" })), "a: b\r\ncd: ef\r\n".length)
  })

  /** A runtime whose `Headers` lets through what none may. */
  class LaxHeaders extends Headers {
    readonly #entries: ReadonlyArray<readonly [string, string]>
    constructor(entries: ReadonlyArray<readonly [string, string]>) {
      super()
      this.#entries = entries
    }
    override *[Symbol.iterator]() {
      for (const [name, value] of this.#entries) yield [name, value] as [string, string]
    }
  }

  it("are looked at once more, whatever the runtime let in", () => {
    assert.include(malformed(new LaxHeaders([["x-evil", "a\r\nb"]])), "x-evil holds a line break")
    assert.include(malformed(new LaxHeaders([["x evil", "a"]])), "a header's name")
    assert.isUndefined(malformed(new LaxHeaders([["x-good", "a b"]])))
  })
})

describe("methods", () => {
  const boundary = { environment: [rulesOf([{ effect: "allow", host: "*" }])], agent: [] }
  const attempts: ReadonlyArray<readonly [method: string, outcome: "sent" | "blocked" | "no request"]> = [
    ["get", "sent"],
    ["PURGE", "sent"],
    ["patch", "sent"],
    ["TRACE", "no request"],
    ["CONNECT", "no request"],
    ["TrAcK", "no request"],
    ["GET / HTTP/1.1\r\nx-evil: 1", "no request"],
    ["GET\n", "no request"],
    ["GE T", "no request"],
    ["", "no request"]
  ]
  for (const [method, expected] of attempts) {
    it.effect(`${JSON.stringify(method)} is ${expected}`, () =>
      Effect.gen(function* () {
        let sent = 0
        const outcome = yield* Effect.try(() => new Request("https://example.com/", { method })).pipe(
          Effect.flatMap((request) =>
            handle(request, async () => {
              sent++
              return new Response()
            })
          ),
          Effect.match({
            onSuccess: ({ status }) => (status === 403 ? "blocked" : "sent"),
            onFailure: () => "no request"
          })
        )
        assert.deepStrictEqual([outcome, sent], [expected, expected === "sent" ? 1 : 0])
      }).pipe(Effect.provide(Recording.layerBoundary(boundary)))
    )
  }
})
