import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Recording from "../../layers/egress/Recording.ts"
import type { PolicyLimits } from "../../src/domain/Policy.ts"
import { handle, type Send } from "../../src/egress/gateway.ts"
import { rulesOf } from "./policies.ts"

const bounded = (limits: PolicyLimits) =>
  Effect.provide(
    Recording.layerBoundary({ environment: [rulesOf([{ effect: "allow", host: "*" }], limits)], agent: [] })
  )

const records = Effect.flatten(Recording.Decisions)
const text = (response: Response) => Effect.promise(() => response.text())
const answering =
  (body: BodyInit | null, init: ResponseInit = {}): Send =>
  async () =>
    new Response(body, init)
/** Reads the request's body to its end, as a server does. */
const reading: Send = async (request) => new Response(String((await request.arrayBuffer()).byteLength))

const post = (body: BodyInit, headers: Record<string, string> = {}) =>
  new Request("https://example.com/", { method: "POST", body, headers, duplex: "half" } as RequestInit)
const streamed = (...chunks: ReadonlyArray<string>) =>
  new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    }
  })

/** How a promise of the platform ends. */
const ended = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "done",
    (error: unknown) => String(error)
  )
const settled = (promise: Promise<unknown>) => Effect.promise(() => ended(promise))

describe("limits", () => {
  it.effect("a request whose headers are too long is blocked, and not sent", () =>
    Effect.gen(function* () {
      let sent = 0
      const send: Send = async () => new Response(String(++sent))
      const long = new Request("https://example.com/", { headers: { "x-long": "x".repeat(1_000) } })
      for (const request of [long, new Request(`https://example.com/?${"x".repeat(1_000)}`)]) {
        const response = yield* handle(request, send)
        assert.strictEqual(response.status, 403)
        assert.include(yield* text(response), "the request's URL and headers are longer than 500 bytes")
      }
      assert.strictEqual((yield* handle(new Request("https://example.com/"), send)).status, 200)
      assert.strictEqual(sent, 1)
      assert.deepStrictEqual(
        (yield* records).map(({ outcome }) => outcome),
        ["blocked", "blocked", "allowed"]
      )
    }).pipe(bounded({ header_bytes: 500 }))
  )

  it.effect("a body that says it is too long is blocked; one that turns out to be is broken off", () =>
    Effect.gen(function* () {
      const said = yield* handle(post("12345678", { "content-length": "8" }), reading)
      assert.strictEqual(said.status, 403)
      assert.include(yield* text(said), "the request's body is longer than 5 bytes")
      const unsaid = yield* handle(post(streamed("123", "456")), reading)
      assert.strictEqual(unsaid.status, 502)
      assert.include(yield* text(unsaid), "the request's body is longer than 5 bytes")
      assert.strictEqual(yield* text(yield* handle(post(streamed("12", "345")), reading)), "5")
      assert.deepStrictEqual(
        (yield* records).map(({ outcome, status, bytes_out }) => [outcome, status, bytes_out]),
        [
          ["blocked", null, null],
          ["allowed", null, 6],
          ["allowed", 200, 5]
        ]
      )
    }).pipe(bounded({ request_body_bytes: 5 }))
  )

  it.effect("an answer that is too long is not handed on, or broken off where that shows late", () =>
    Effect.gen(function* () {
      const said = yield* handle(
        new Request("https://example.com/"),
        answering("123456", { headers: { "content-length": "6" } })
      )
      assert.strictEqual(said.status, 502)
      assert.include(yield* text(said), "the answer's body is longer than 5 bytes")
      const unsaid = yield* handle(new Request("https://example.com/"), answering(streamed("123", "456")))
      assert.strictEqual(unsaid.status, 200)
      assert.include(yield* settled(unsaid.text()), "longer than 5 bytes")
      const headers = yield* handle(
        new Request("https://example.com/"),
        answering("1", { headers: { "x-long": "x".repeat(999) } })
      )
      assert.include(yield* text(headers), "the answer's headers are longer than 900 bytes")
      const head = new Request("https://example.com/", { method: "HEAD" })
      assert.strictEqual((yield* handle(head, answering(null, { headers: { "content-length": "6" } }))).status, 200)
      assert.deepStrictEqual(
        (yield* records).map(({ status, bytes_in }) => [status, bytes_in]),
        [
          [null, null],
          [200, 6],
          [null, null],
          [200, 0]
        ]
      )
    }).pipe(bounded({ response_body_bytes: 5, header_bytes: 900 }))
  )

  it.effect("an upstream that does not begin to answer in time is given up", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<AbortSignal>()
      const silent: Send = (request) => {
        Deferred.doneUnsafe(asked, Effect.succeed(request.signal))
        return new Promise(() => {})
      }
      const fiber = yield* Effect.forkChild(handle(new Request("https://example.com/"), silent))
      const signal = yield* Deferred.await(asked)
      yield* TestClock.adjust(999)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      const response = yield* Fiber.join(fiber)
      assert.deepStrictEqual([response.status, signal.aborted], [502, true])
      assert.include(yield* text(response), "the upstream did not answer within 1000 ms")
    }).pipe(bounded({ first_byte_ms: 1_000 }))
  )

  it.effect("an answer that drips is broken off in time, and what came of it is counted", () =>
    Effect.gen(function* () {
      let cancelled = false
      const dripping = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode("drip")),
        cancel: () => void (cancelled = true)
      })
      const completed: Array<Promise<unknown>> = []
      const response = yield* handle(new Request("https://example.com/"), answering(dripping), {
        waitUntil: (work) => completed.push(work)
      })
      const reader = response.body!.getReader() // It has one.
      assert.strictEqual(new TextDecoder().decode((yield* Effect.promise(() => reader.read())).value), "drip")
      const rest = ended(reader.read())
      yield* TestClock.adjust(1_000)
      assert.include(yield* Effect.promise(() => rest), "not over within 1000 ms")
      yield* settled(Promise.all(completed))
      const [record] = yield* records
      assert.deepStrictEqual([cancelled, record?.bytes_in, record?.duration_ms], [true, 4, 1_000])
    }).pipe(bounded({ total_ms: 1_000 }))
  )

  it.effect("what nobody reads to its end is counted as far as it was read", () =>
    Effect.gen(function* () {
      const completed: Array<Promise<unknown>> = []
      const response = yield* handle(new Request("https://example.com/"), answering(streamed("one", "two", "three")), {
        waitUntil: (work) => completed.push(work)
      })
      const reader = response.body!.getReader() // It has one.
      yield* Effect.promise(() => reader.read())
      yield* Effect.promise(() => reader.cancel())
      yield* settled(Promise.all(completed))
      assert.strictEqual((yield* records)[0]?.bytes_in, 3)
    }).pipe(bounded({}))
  )
})
