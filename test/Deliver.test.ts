import { assert, describe, it } from "@effect/vitest"
import Anthropic from "@anthropic-ai/sdk"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as CatalogMemory from "../layers/storage/CatalogMemory.ts"
import * as VaultsMemory from "../layers/storage/VaultsMemory.ts"
import { triggers } from "../layers/test.ts"
import { Deliveries } from "../src/Deliveries.ts"
import { Deliverer } from "../src/triggers/Deliver.ts"
import { refuse } from "../src/triggers/Webhook.ts"
import * as FakeSessions from "./api/FakeSessions.ts"
import { delivery } from "./support/records.ts"

/** Messages on their way out: where they may go, how they are signed, and what becomes of those that do not arrive. */

const secret = `whsec_${Buffer.from("a secret of 24 bytes or so").toString("base64")}`
const outside = { type: "webhook", url: "https://example.com/hook" } as const

const receiver = (answers: ReadonlyArray<number>) => {
  const received: Array<{
    readonly url: string
    readonly headers: Headers
    readonly body: string
    readonly redirect: string
  }> = []
  const send = async (request: Request) => {
    received.push({
      url: request.url,
      headers: request.headers,
      body: await request.text(),
      redirect: request.redirect
    })
    const status = answers[Math.min(received.length, answers.length) - 1]!
    return new Response(null, { status, ...(status === 302 ? { headers: { location: "https://10.0.0.1/" } } : {}) })
  }
  const layer = triggers({
    send,
    config: {
      OWNLOOP_WEBHOOK_SECRET: secret,
      OWNLOOP_WEBHOOKS: JSON.stringify([{ url: outside.url, secret }])
    }
  }).pipe(
    Layer.provide(FakeSessions.layer(new FakeSessions.SessionsState())),
    Layer.provide([CatalogMemory.layer, VaultsMemory.layer])
  )
  return { received, layer }
}

const outcome = (id: string) =>
  delivery(id, { to: outside, event: "task.succeeded", created_at: "1970-01-01T00:00:00.000Z" })

describe("a webhook", () => {
  it.effect("is signed so that the official SDK takes it, and leaves without a trace's id", () => {
    const { layer, received } = receiver([200])
    return Effect.gen(function* () {
      // The SDK compares with the real time.
      yield* TestClock.setTime(Date.now())
      yield* (yield* Deliveries).add([outcome("1")])
      yield* (yield* Deliverer).deliver()
      const [{ body, headers } = { body: "", headers: new Headers() }] = received
      const sdk = new Anthropic({ apiKey: null, authToken: "none", webhookKey: secret })
      const event = sdk.beta.webhooks.unwrap(body, { headers: Object.fromEntries(headers) })
      assert.strictEqual(event.type, "event")
      assert.strictEqual(headers.get("webhook-id"), "dlvr_1")
      assert.isFalse(headers.has("traceparent"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("is tried again with growing pauses, under one id, and given up; behind it the next one leaves", () => {
    const { layer, received } = receiver([500, 302, 503, 500, 500, 500, 500, 500, 500, 500, 200])
    return Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const deliverer = yield* Deliverer
      yield* deliveries.add([outcome("1"), outcome("2")])
      const times: Array<number> = []
      for (let minute = 0; minute < 7_000; minute++) {
        const before = received.length
        yield* deliverer.deliver()
        if (received.length > before) times.push(minute)
        yield* TestClock.adjust("1 minute")
      }
      const hours = (count: number) => 60 * count
      const pauses = [1, 5, 30, hours(2), hours(5), hours(10), hours(14), hours(20), hours(24)]
      assert.deepStrictEqual(
        times,
        pauses.reduce((all, pause) => [...all, all.at(-1)! + pause], [0])
      )
      assert.deepStrictEqual(
        received.map(({ headers }) => headers.get("webhook-id")),
        [...Array.from({ length: 10 }, () => "dlvr_1"), "dlvr_2"]
      )
      // Nothing was sent to where it was redirected.
      assert.deepStrictEqual([...new Set(received.map(({ url }) => url))], [outside.url])
      const [second, first] = yield* deliveries.deliveries({ limit: 2 })
      assert.include(first, { status: "failed", attempts: 10, last_error: "it answered 500" })
      assert.include(second, { status: "delivered", attempts: 1, last_error: null })
    }).pipe(Effect.provide(layer))
  })

  it.effect("that is gone for good is given up at once", () => {
    const { layer } = receiver([410])
    return Effect.gen(function* () {
      const deliveries = yield* Deliveries
      yield* deliveries.add([outcome("1")])
      yield* (yield* Deliverer).deliver()
      const [given] = yield* deliveries.deliveries({ limit: 1 })
      assert.include(given, { status: "failed", attempts: 1 })
    }).pipe(Effect.provide(layer))
  })
})

describe("where a webhook may go", () => {
  const hosts = ["127.0.0.1:9000", "hooks.internal"]

  for (const [url, reason] of [
    ["https://example.com/hook", null],
    ["https://example.com:8443/hook", null],
    ["http://example.com/hook", /must be https/],
    ["ftp://example.com/", /must be https/],
    ["https://user:pass@example.com/", /user name or password/],
    ["https://10.0.0.1/", /private/],
    ["https://[::1]/", /loopback/],
    ["https://[::ffff:10.1.2.3]/", /private/],
    ["https://0x7f.1/", /loopback/],
    ["https://169.254.169.254/", /link-local/],
    ["https://metadata.google.internal/", /local/],
    ["https://router/", /local/],
    ["http://127.0.0.1:9000/hook", null],
    ["http://127.0.0.1:9001/hook", /loopback/],
    ["https://hooks.internal/", null],
    ["https://example.com/?key=sk-ant-api03-secret", /Anthropic/],
    ["nonsense", /not a URL/]
  ] as const) {
    it(`${url}: ${reason === null ? "passes" : "is refused"}`, () => {
      const refusal = refuse(url, hosts)
      if (reason === null) assert.isNull(refusal)
      else assert.match(refusal ?? "", reason)
    })
  }
})
