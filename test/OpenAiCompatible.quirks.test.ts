import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Answer from "../layers/model/Answer.ts"
import { reasonOf } from "../src/model/ProviderFailure.ts"
import { request, textOf } from "./ModelClient.contract.ts"
import { chunk, event } from "./support/mockOpenAi.ts"
import { afterWaiting, ask, partsOf, serve, stream } from "./support/openAiCompatible.ts"

/** What servers do that no specification says. */

it.effect("usage in a late chunk without choices; what was cached counts apart", () =>
  Effect.gen(function* () {
    const usage = { prompt_tokens: 100, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 64 } }
    const parts = yield* partsOf(
      stream(chunk({ content: "ok" }), chunk({}, "stop"), { choices: [], usage, timings: {} })
    )
    assert.deepStrictEqual(parts.at(-1), {
      type: "finish",
      usage: { input_tokens: 36, output_tokens: 7, cache_read_input_tokens: 64, cache_creation_input_tokens: 0 },
      truncated: false
    })
  })
)

it.effect("reasoning in either field, and once where both hold it", () =>
  Effect.gen(function* () {
    const parts = yield* partsOf(
      stream(
        chunk({ reasoning_content: "a" }),
        chunk({ reasoning: "b" }),
        chunk({ reasoning_content: "c", reasoning: "c" }),
        chunk({ content: "ok" }, "stop")
      )
    )
    assert.deepStrictEqual(parts.slice(0, -1), [
      { type: "reasoning", text: "a" },
      { type: "reasoning", text: "b" },
      { type: "reasoning", text: "c" },
      { type: "text", text: "ok" }
    ])
  })
)

it.effect("reasoning goes back to Workers AI in its own field, through whatever gateway", () =>
  Effect.gen(function* () {
    const messages = [{ role: "assistant" as const, text: "", reasoning: "hm", toolCalls: [] }]
    const { url, requests } = yield* serve([{ text: "ok" }, { text: "ok" }])
    for (const model of ["local/workers-ai/@cf/x/y", "local/y"]) yield* ask(url, request(model, "", { messages }))
    assert.deepStrictEqual(
      requests.map(({ body }) => body.messages[1]),
      [
        { role: "assistant", content: "", reasoning: "hm" },
        { role: "assistant", content: "", reasoning_content: "hm" }
      ]
    )
  })
)

it.effect("chunks without choices, and content in parts", () =>
  Effect.gen(function* () {
    const parts = yield* partsOf(
      stream(
        { object: "chat.completion.chunk", id: "1" },
        { object: "chat.completion.chunk", choices: null },
        { usage: { prompt_tokens: 1, completion_tokens: 1 } },
        chunk({ content: [{ type: "text", text: "o" }, { type: "image" }, { type: "text", text: "k" }] }),
        chunk({ content: [] }, "stop")
      )
    )
    assert.deepStrictEqual(parts.slice(0, -1), [{ type: "text", text: "ok" }])
  })
)

it.effect("an answer cut off at the length limit says so, streamed or whole", () =>
  Effect.gen(function* () {
    const whole = { choices: [{ message: { content: "o" }, finish_reason: "length" }] }
    for (const answer of [stream(chunk({ content: "o" }), chunk({}, "length")), { status: 200, body: whole }]) {
      assert.deepInclude((yield* partsOf(answer)).at(-1), { type: "finish", truncated: true })
    }
  })
)

it.effect("no [DONE], but a finish_reason", () =>
  Effect.gen(function* () {
    assert.strictEqual(textOf(yield* partsOf({ raw: event(chunk({ content: "ok" }, "stop")) })), "ok")
  })
)

it.effect("a [DONE] without an empty line after it", () =>
  Effect.gen(function* () {
    assert.strictEqual(textOf(yield* partsOf({ raw: `${event(chunk({ content: "ok" }))}data: [DONE]` })), "ok")
  })
)

it.effect("comments, retry lines, carriage returns, and characters cut between two pieces", () =>
  Effect.gen(function* () {
    const bytes = new TextEncoder().encode(
      `: processing\r\n\r\nretry: 10\r\n\r\ndata:${JSON.stringify(chunk({ content: "schön 漢" }))}\r\n\r\ndata: [DONE]\r\n\r\n`
    )
    const raw = Array.from(bytes, (byte) => Uint8Array.of(byte))
    assert.strictEqual(textOf(yield* partsOf({ raw })), "schön 漢")
  })
)

it.effect("a connection that stays open after [DONE]", () =>
  Effect.gen(function* () {
    const { url } = yield* serve([{ raw: [event(chunk({ content: "ok" })), "data: [DONE]\n\n"], ending: "hang" }])
    const fiber = yield* Effect.forkChild(ask(url))
    assert.strictEqual(textOf(yield* afterWaiting(fiber)), "ok")
  })
)

it.effect("a body that goes on after [DONE] is left after 100 ms", () =>
  Effect.gen(function* () {
    const bytes = new TextEncoder().encode(`${event(chunk({ content: "ok" }))}data: [DONE]\n\n`)
    const body = Stream.concat(Stream.make(bytes), Stream.never)
    const fiber = yield* Effect.forkChild(
      Stream.runCollect(Answer.parts(body, reasonOf, { model: "local/m", tools: [] }))
    )
    // It looks a few times before it waits by the clock.
    yield* Effect.repeat(Effect.yieldNow, { times: 20 })
    yield* TestClock.adjust("99 millis")
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 millis")
    assert.isDefined(fiber.pollUnsafe())
  })
)
