import { assert, it } from "@effect/vitest"
import { type FixtureOpts, type FixtureFileResponse, LLMock } from "@copilotkit/aimock"
import { Effect, Layer, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import * as OpenAiCompatible from "../layers/model/OpenAiCompatible.ts"
import { ModelClient, type ModelPart } from "../src/ModelClient.ts"
import { request, textOf } from "./ModelClient.contract.ts"

/** The same client against a mock server that is not ours. */

const ask = Effect.fnUntraced(function* (prepare: (server: LLMock) => void, see?: (part: ModelPart) => void) {
  const server = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const server = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent" })
      await server.start()
      return server
    }),
    (server) => Effect.promise(() => server.stop())
  )
  prepare(server)
  const layer = OpenAiCompatible.layer({ name: "local", baseUrl: `${server.url}/v1` })
  const models = yield* Effect.provide(ModelClient, Layer.orDie(Layer.provide(layer, FetchHttpClient.layer)))
  return yield* models.stream(request("local/gpt", "hello")).pipe(
    Stream.tap((part) => Effect.sync(() => see?.(part))),
    Stream.runCollect
  )
})

const answer = (response: FixtureFileResponse, options?: FixtureOpts) => (server: LLMock) =>
  void server.onMessage("hello", response, options)

it.effect("text, and the usage", () =>
  Effect.gen(function* () {
    const usage = { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 }
    const parts = yield* ask(answer({ content: "Hi there!", usage }, { chunkSize: 2 }))
    assert.strictEqual(textOf(parts), "Hi there!")
    assert.isAbove(parts.length, 4)
    assert.deepStrictEqual(parts.at(-1), {
      type: "finish",
      usage: { input_tokens: 12, output_tokens: 3, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
      truncated: false
    })
  })
)

it.effect("parallel calls", () =>
  Effect.gen(function* () {
    const toolCalls = [
      { name: "bash", arguments: '{"command":"ls -la"}' },
      { name: "bash", arguments: '{"command":"pwd"}' }
    ]
    const parts = yield* ask(answer({ toolCalls }, { chunkSize: 3 }))
    assert.deepStrictEqual(
      parts.filter(({ type }) => type === "tool_call"),
      toolCalls.map((call) => ({ type: "tool_call" as const, ...call }))
    )
  })
)

it.effect("reasoning, text and a call in one answer", () =>
  Effect.gen(function* () {
    const call = { name: "bash", arguments: '{"command":"ls"}' }
    const parts = yield* ask(
      answer({ reasoning: "I should look.", content: "Looking.", toolCalls: [call] }, { chunkSize: 4 })
    )
    const joined = (type: "text" | "reasoning") => parts.map((part) => (part.type === type ? part.text : "")).join("")
    assert.deepStrictEqual([joined("reasoning"), joined("text")], ["I should look.", "Looking."])
    assert.deepStrictEqual(parts.at(-2), { type: "tool_call", ...call })
  })
)

it.effect("an answer that ends at the length limit", () =>
  Effect.gen(function* () {
    const parts = yield* ask(answer({ content: "Hi there", finishReason: "length" }))
    assert.deepInclude(parts.at(-1), { type: "finish", truncated: true })
  })
)

it.effect("429 with Retry-After: the wait is kept, whatever sends it", () =>
  Effect.gen(function* () {
    const limited = { error: { message: "slow down", type: "rate_limit_error" }, status: 429, retryAfter: 7 }
    const { reason } = yield* Effect.flip(ask(answer(limited)))
    assert.deepInclude(reason, { _tag: "RateLimited", detail: "slow down", retryAfterMs: 7_000 })
    const { reason: chaos } = yield* Effect.flip(ask(answer({ content: "Hi" }, { chaos: { rateLimitRate: 1 } })))
    assert.strictEqual(chaos._tag, "RateLimited")
    assert.property(chaos, "retryAfterMs")
  })
)

it.effect("an error", () =>
  Effect.gen(function* () {
    const error = { message: "the model is overloaded", type: "server_error" }
    const { reason } = yield* Effect.flip(ask(answer({ error, status: 503 })))
    assert.deepStrictEqual([reason._tag, reason.detail], ["Overloaded", error.message])
  })
)

it.effect("a stream cut in the middle", () =>
  Effect.gen(function* () {
    const { reason } = yield* Effect.flip(
      ask(answer({ content: "Hi there!" }, { chunkSize: 1, truncateAfterChunks: 3 }))
    )
    assert.strictEqual(reason._tag, "ConnectionFailed")
  })
)

it.effect("a stream cut within a call gives no call", () =>
  Effect.gen(function* () {
    const seen: Array<ModelPart> = []
    const toolCalls = [{ name: "bash", arguments: '{"command":"rm -rf build"}' }]
    const { reason } = yield* Effect.flip(
      ask(answer({ toolCalls }, { chunkSize: 4, truncateAfterChunks: 4 }), (part) => seen.push(part))
    )
    assert.strictEqual(reason._tag, "ConnectionFailed")
    assert.deepStrictEqual(seen, [])
  })
)

it.effect("a connection that is dropped", () =>
  Effect.gen(function* () {
    const { reason } = yield* Effect.flip(ask(answer({ content: "Hi" }, { chaos: { disconnectRate: 1 } })))
    assert.strictEqual(reason._tag, "ConnectionFailed")
  })
)

it.effect("malformed JSON", () =>
  Effect.gen(function* () {
    const { reason } = yield* Effect.flip(ask(answer({ content: "Hi" }, { chaos: { malformedRate: 1 } })))
    assert.strictEqual(reason._tag, "InvalidResponse")
  })
)
