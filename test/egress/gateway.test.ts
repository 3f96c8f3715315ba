import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import { Deferred, Effect, Fiber, Layer, Redacted, Ref, Tracer } from "effect"
import * as Recording from "../../layers/egress/Recording.ts"
import type { Networking } from "../../src/domain/Environment.ts"
import { defaultLimits } from "../../src/domain/Policy.ts"
import { handle, type Send } from "../../src/egress/gateway.ts"
import { nothingAttached } from "../../src/egress/attach.ts"
import { decodeInjections } from "../../src/egress/injection.ts"
import { AuditFailed, EgressPolicy } from "../../src/EgressPolicy.ts"
import { decision } from "../support/records.ts"
import { limited } from "./urls.ts"

/** Stands in for the internet: https cannot be served here. Answers by host and path, and keeps what was sent. */
const internet = (answers: Record<string, () => Response> = {}) => {
  const sent: Array<Request> = []
  const send: Send = async (request) => {
    sent.push(request)
    const url = new URL(request.url)
    return answers[url.host + url.pathname]?.() ?? new Response("upstream")
  }
  return { sent, send }
}

const moved = (location: string) => () => new Response("moved", { status: 302, headers: { location } })

const secret = "hunter2-hunter2"

const policy = (networking: Networking, headers: object = {}) =>
  Layer.unwrap(
    Effect.map(decodeInjections(Redacted.make(JSON.stringify(headers))), (injections) =>
      Recording.layer(networking, injections)
    )
  )

const records = Effect.flatten(Recording.Decisions)

const failing: Send = async (request) => {
  throw new TypeError(`failed: ${request.url} ${request.headers.get("authorization")}`)
}

describe("injection", () => {
  const bound = policy(limited("api.example.com", "other.example.com"), {
    "api.example.com": { Authorization: `Bearer ${secret}`, "x-key": secret }
  })

  it.effect("the header is set over https, in place of the caller's own, and the record says injected", () =>
    Effect.gen(function* () {
      const { send, sent } = internet()
      const request = new Request("https://api.example.com/v1", { headers: { authorization: "Bearer mine" } })
      assert.strictEqual((yield* handle(request, send)).status, 200)
      assert.strictEqual(sent[0]?.headers.get("authorization"), `Bearer ${secret}`)
      assert.strictEqual(request.headers.get("authorization"), "Bearer mine")
      assert.strictEqual((yield* records)[0]?.outcome, "injected")
    }).pipe(Effect.provide(bound))
  )

  it.effect("not over http, and not for another host", () =>
    Effect.gen(function* () {
      const { send, sent } = internet()
      yield* handle(new Request("http://api.example.com/"), send)
      yield* handle(new Request("https://other.example.com/"), send)
      assert.deepStrictEqual(
        sent.map(({ headers }) => headers.get("authorization")),
        [null, null]
      )
      assert.deepStrictEqual(
        (yield* records).map(({ outcome }) => outcome),
        ["allowed", "allowed"]
      )
    }).pipe(Effect.provide(bound))
  )

  it.effect("it does not follow a redirect to another origin, nor to http, and is set again where it belongs", () =>
    Effect.gen(function* () {
      const { send, sent } = internet({
        "api.example.com/1": moved("https://other.example.com/2"),
        "other.example.com/2": moved("http://api.example.com/3"),
        "api.example.com/3": moved("https://api.example.com/4")
      })
      yield* handle(new Request("https://api.example.com/1"), send)
      assert.deepStrictEqual(
        sent.map(({ headers }) => [headers.get("authorization"), headers.get("x-key")]),
        [
          [`Bearer ${secret}`, secret],
          [null, null],
          [null, null],
          [`Bearer ${secret}`, secret]
        ]
      )
    }).pipe(Effect.provide(bound))
  )

  it.effect("it is in the record by the time that the upstream answers", () =>
    Effect.gen(function* () {
      const decisions = yield* Recording.Decisions
      const records: Array<unknown> = []
      const send: Send = async () => {
        const all = await Effect.runPromise(Effect.andThen(Effect.yieldNow, decisions))
        records.push(...all.map(({ outcome, reason, status }) => [outcome, reason, status]))
        return new Response("upstream")
      }
      yield* handle(new Request("https://api.example.com/"), send)
      assert.deepStrictEqual(records, [["injected", "allowed_hosts: api.example.com, with EGRESS_HEADERS", null]])
      assert.strictEqual((yield* decisions)[0]?.status, 200)
    }).pipe(Effect.provide(bound))
  )

  it.effect("no span, record or answer shows it, nor a query, also where the upstream's failure quotes them", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const response = yield* handle(new Request("https://api.example.com/?q=private"), failing).pipe(
        Effect.provideService(Tracer.Tracer, tracer)
      )
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        [
          "EgressGateway.handle",
          "EgressGateway.exchange",
          "EgressPolicy.decide",
          "EgressPolicy.record",
          "EgressPolicy.note",
          "EgressPolicy.complete"
        ]
      )
      const seen = JSON.stringify([
        spans.map(({ attributes, name, status }) => [name, [...attributes], inspect(status, { depth: 9 })]),
        yield* records,
        yield* Effect.promise(() => response.text())
      ])
      assert.notInclude(seen, secret)
      assert.notInclude(seen, "private")
    }).pipe(Effect.provide(bound))
  )
})

describe("headers", () => {
  it.effect("those of the connection and claims about the caller do not go on", () =>
    Effect.gen(function* () {
      const { send, sent } = internet()
      const dropped = {
        host: "evil.com",
        connection: "close, X-Named",
        "x-named": "1",
        "keep-alive": "timeout=5",
        te: "trailers",
        "transfer-encoding": "chunked",
        "proxy-authorization": "Basic eA==",
        expect: "100-continue",
        "cf-connecting-ip": "1.2.3.4",
        "CF-Worker": "evil.com",
        "cdn-loop": "cloudflare",
        "x-forwarded-for": "1.2.3.4",
        "X-Forwarded-Host": "evil.com",
        forwarded: "for=1.2.3.4",
        "x-real-ip": "1.2.3.4",
        upgrade: "h2c"
      }
      const kept = { accept: "text/html", "idempotency-key": "k", range: "bytes=0-1", "user-agent": "agent" }
      yield* handle(new Request("https://example.com/", { headers: { ...dropped, ...kept } }), send)
      assert.deepStrictEqual(Object.fromEntries(sent[0]?.headers ?? []), kept)
    }).pipe(Effect.provide(policy(limited("example.com"))))
  )

  it.effect("a WebSocket is asked for, under the same rules, and its redirect is not followed", () =>
    Effect.gen(function* () {
      const { send, sent } = internet({ "example.com/moved": moved("https://example.com/") })
      const headers = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" }
      yield* handle(new Request("https://example.com/socket", { headers }), send)
      assert.deepStrictEqual(Object.fromEntries(sent[0]?.headers ?? []), {
        upgrade: "websocket",
        "sec-websocket-version": "13"
      })
      assert.strictEqual((yield* handle(new Request("https://example.com/moved", { headers }), send)).status, 302)
      assert.strictEqual((yield* handle(new Request("https://evil.com/", { headers }), send)).status, 403)
      assert.strictEqual(sent.length, 2)
    }).pipe(Effect.provide(policy(limited("example.com"))))
  )
})

describe("an Anthropic key does not leave", () => {
  const key = "sk-ant-api03-secret"
  const carriers: Record<string, () => Request> = {
    "in x-api-key": () => new Request("https://example.com/", { headers: { "x-api-key": key } }),
    "in any header": () => new Request("https://example.com/", { headers: { "x-other": `a=1; key="${key}"` } }),
    "as a header's name": () => new Request("https://example.com/", { headers: { [key]: "1" } }),
    "as a bearer": () => new Request("https://example.com/", { headers: { authorization: `Bearer ${key}` } }),
    "in a Basic credential": () =>
      new Request("https://example.com/", { headers: { authorization: `Basic ${btoa(`x:${key}`)}` } }),
    "in the query": () => new Request(`https://example.com/?key=${key}`),
    "in the path": () => new Request(`https://example.com/${key}/x`),
    "percent-encoded": () => new Request("https://example.com/%73k%2Dant%2dapi03-secret"),
    "in the host": () => new Request(`https://${key}.example.com/`)
  }
  for (const [name, request] of Object.entries(carriers)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { send, sent } = internet()
        const response = yield* handle(request(), send)
        const text = yield* Effect.promise(() => response.text())
        const recorded = yield* records
        assert.deepStrictEqual([response.status, sent.length, recorded.length], [403, 0, 1])
        assert.strictEqual(recorded[0]?.outcome, "blocked")
        assert.notInclude(`${text}${JSON.stringify(recorded)}`, "api03-secret")
      }).pipe(Effect.provide(policy(limited("example.com", "*.example.com"))))
    )
  }

  it.effect("nor through a redirect", () =>
    Effect.gen(function* () {
      const { send, sent } = internet({ "example.com/": moved(`/next?key=${key}`) })
      assert.strictEqual((yield* handle(new Request("https://example.com/"), send)).status, 403)
      assert.strictEqual(sent.length, 1)
    }).pipe(Effect.provide(policy(limited("example.com"))))
  )

  it.effect("while words that only look like one pass", () =>
    Effect.gen(function* () {
      const { send } = internet()
      assert.strictEqual((yield* handle(new Request("https://example.com/task-ant-hill"), send)).status, 200)
    }).pipe(Effect.provide(policy(limited("example.com"))))
  )
})

const said = {
  reason: "test",
  rule: { policy_id: null, policy_version: null, rule: null },
  approval: null,
  limits: defaultLimits
} as const

const allowing = (record: EgressPolicy["Service"]["record"]) =>
  Layer.mock(EgressPolicy, {
    decide: () => Effect.succeed({ ...said, outcome: "allowed", via: null, attachment: nothingAttached }),
    record,
    note: () => Effect.void,
    complete: () => Effect.void
  })

describe("audit", () => {
  it.effect("what cannot be recorded is not answered: nothing of the upstream's response gets out", () =>
    Effect.gen(function* () {
      let cancelled = false
      const body = new ReadableStream({ cancel: () => void (cancelled = true) })
      const send: Send = async () => new Response(body, { headers: { "x-upstream": secret } })
      const response = yield* handle(new Request("https://example.com/"), send)
      assert.deepStrictEqual([response.status, response.headers.get("x-upstream"), cancelled], [502, null, true])
      assert.include(yield* Effect.promise(() => response.text()), "audit")
    }).pipe(Effect.provide(allowing(() => new AuditFailed({ cause: "full" }))))
  )

  it.effect("what is blocked and cannot be recorded is an error, not a quiet 403", () =>
    Effect.gen(function* () {
      const { send, sent } = internet()
      const blocking = Layer.mock(EgressPolicy, {
        decide: () => Effect.succeed({ ...said, outcome: "blocked" }),
        record: () => new AuditFailed({ cause: "full" }),
        complete: () => Effect.void
      })
      const response = yield* handle(new Request("https://example.com/"), send).pipe(Effect.provide(blocking))
      assert.deepStrictEqual([response.status, sent.length], [502, 0])
    })
  )

  it.effect("the record is written before the answer is handed back", () =>
    Effect.gen(function* () {
      const recording = yield* Deferred.make<void>()
      const written = yield* Deferred.make<void>()
      const record = () =>
        Deferred.succeed(recording, undefined).pipe(Effect.andThen(Deferred.await(written)), Effect.as(decision("1")))
      const fiber = yield* handle(new Request("https://example.com/"), internet().send).pipe(
        Effect.provide(allowing(record)),
        Effect.forkChild
      )
      yield* Deferred.await(recording)
      assert.isUndefined(fiber.pollUnsafe())
      yield* Deferred.succeed(written, undefined)
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    })
  )

  it.effect("a caller that goes away leaves exactly one record, and the upstream's request is given up", () =>
    Effect.gen(function* () {
      const sent = yield* Deferred.make<AbortSignal>()
      const statuses = yield* Ref.make<ReadonlyArray<number | null>>([])
      const record = allowing(({ status }) =>
        Effect.as(
          Ref.update(statuses, (all) => [...all, status]),
          decision("1")
        )
      )
      const send: Send = (request) => {
        Deferred.doneUnsafe(sent, Effect.succeed(request.signal))
        return new Promise(() => {})
      }
      const fiber = yield* handle(new Request("https://example.com/"), send).pipe(
        Effect.provide(record),
        Effect.forkChild
      )
      const signal = yield* Deferred.await(sent)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([signal.aborted, yield* Ref.get(statuses)], [true, [null]])
    })
  )

  it.effect("a caller's own signal gives up the upstream's request as well", () =>
    Effect.gen(function* () {
      const sent = yield* Deferred.make<void>()
      const caller = new AbortController()
      const send: Send = (request) => {
        const answer = new Promise<never>((_, reject) =>
          request.signal.addEventListener("abort", () => reject(request.signal.reason))
        )
        Deferred.doneUnsafe(sent, Effect.void)
        return answer
      }
      const fiber = yield* Effect.forkChild(
        handle(new Request("https://example.com/", { signal: caller.signal }), send)
      )
      yield* Deferred.await(sent)
      caller.abort()
      assert.strictEqual((yield* Fiber.join(fiber)).status, 502)
      assert.deepStrictEqual(
        (yield* records).map(({ status }) => status),
        [null]
      )
    }).pipe(Effect.provide(policy(limited("example.com"))))
  )
})

const bytes = (text: string) => new TextEncoder().encode(text)

/** Echoes each piece as it comes. */
const echo: Send = async (request) => new Response(request.body)

describe("bodies are streamed", () => {
  it.effect("up, and down, before they are over", () =>
    Effect.gen(function* () {
      const up = new TransformStream<Uint8Array, Uint8Array>()
      const writer = up.writable.getWriter()
      const init = { method: "POST", body: up.readable, duplex: "half" } as const
      const response = yield* handle(new Request("https://example.com/", init), echo)
      const reader = response.body!.getReader() // `Response` was made with a body
      const next = Effect.promise(async () => new TextDecoder().decode((await reader.read()).value))
      yield* Effect.promise(() => writer.write(bytes("one")))
      assert.strictEqual(yield* next, "one")
      yield* Effect.promise(() => writer.write(bytes("two")))
      assert.strictEqual(yield* next, "two")
      yield* Effect.promise(() => writer.close())
      assert.strictEqual(yield* next, "")
    }).pipe(Effect.provide(policy(limited("example.com"))))
  )
})
