import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as WorkersAi from "../layers/model/WorkersAi.ts"
import { EventId } from "../src/domain/Ids.ts"
import { ModelClient, type ModelError, type ModelPart, type ModelRequest } from "../src/ModelClient.ts"
import { request, textOf } from "./ModelClient.contract.ts"
import { fakeAi, type FakeAnswer, streams } from "./support/fakeAi.ts"
import { event, startMockOpenAi } from "./support/mockOpenAi.ts"

const glm = "@cf/zai-org/glm-4.7-flash"
const mistral = "@cf/mistralai/mistral-small-3.1-24b-instruct"

const ask = (ai: WorkersAi.AiBinding, asked: ModelRequest = request(glm, "hello")) =>
  Stream.runCollect(WorkersAi.fromBinding(ai).stream(asked))

const partsOf = (answer: FakeAnswer) => ask(fakeAi(() => answer))
const reasonOf = (answer: FakeAnswer) => Effect.map(Effect.flip(partsOf(answer)), ({ reason }) => reason)

// The real binding fits what we ask of it.
const fits = (ai: Ai): WorkersAi.AiBinding => ai
void fits

describe("the binding", () => {
  it.effect("is asked for a stream, with the session's affinity and text only", () =>
    Effect.gen(function* () {
      const ai = fakeAi(() => ({ stream: streams.text.openai }))
      const id = EventId.make("sevt_1")
      yield* ask(
        ai,
        request(glm, "", {
          messages: [
            { role: "user", text: "list" },
            { role: "assistant", text: "", reasoning: "hm", toolCalls: [{ id, name: "bash", input: {} }] },
            { role: "tool", toolCallId: id, name: "bash", text: "a.txt", isError: false }
          ]
        })
      )
      const [{ model, inputs, options } = assert.fail("nothing came")] = ai.calls
      assert.strictEqual(model, glm)
      assert.deepStrictEqual(options.extraHeaders, { "x-session-affinity": "sesn_test" })
      assert.isTrue(inputs.stream)
      assert.deepStrictEqual(inputs.stream_options, { include_usage: true })
      assert.deepStrictEqual(inputs.messages, [
        { role: "system", content: "Be brief." },
        { role: "user", content: "list" },
        {
          role: "assistant",
          content: "",
          reasoning: "hm",
          tool_calls: [{ id, type: "function", function: { name: "bash", arguments: "{}" } }]
        },
        { role: "tool", tool_call_id: id, name: "bash", content: "a.txt" }
      ])
    })
  )

  it.effect("is told to choose tools itself, and nothing about tools where there are none", () =>
    Effect.gen(function* () {
      const ai = fakeAi(() => ({ stream: streams.text.older }))
      yield* ask(ai, request(mistral, "hello"))
      yield* ask(ai, request(mistral, "hello", { tools: [] }))
      const [first, second] = ai.calls.map(({ inputs }) => inputs)
      assert.strictEqual(first.tool_choice, "auto")
      assert.isTrue(Array.isArray(first.tools))
      assert.notProperty(second, "tool_choice")
      assert.notProperty(second, "tools")
    })
  )

  it.effect("is not given what older models do not know", () =>
    Effect.gen(function* () {
      const ai = fakeAi(() => ({ stream: streams.text.older }))
      yield* ask(ai, request(mistral, "hello"))
      assert.notProperty(ai.calls[0]?.inputs, "stream_options")
      assert.isAtLeast(ai.calls[0]?.inputs.max_tokens, 1024)
    })
  )
})

describe("whole answers", () => {
  const call: ReadonlyArray<ModelPart> = [{ type: "tool_call", name: "bash", arguments: '{"command":"ls"}' }]
  const answers: Readonly<Record<string, unknown>> = {
    "older, flat calls with object arguments (mistral)": {
      response: null,
      tool_calls: [{ name: "bash", arguments: { command: "ls" } }]
    },
    "older, nested calls with object arguments (llama 4)": {
      response: "",
      tool_calls: [{ id: "1", type: "function", function: { name: "bash", arguments: { command: "ls" } } }]
    },
    openai: {
      choices: [
        {
          message: {
            content: null,
            tool_calls: [{ id: "1", type: "function", function: { name: "bash", arguments: '{"command":"ls"}' } }]
          },
          finish_reason: "stop"
        }
      ]
    }
  }
  for (const [shape, whole] of Object.entries(answers)) {
    it.effect(shape, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* partsOf({ whole })).slice(0, -1), [...call])
      })
    )
  }

  it.effect("an object or a number in place of text", () =>
    Effect.gen(function* () {
      assert.strictEqual(textOf(yield* partsOf({ whole: { response: { a: 1 } } })), '{"a":1}')
      assert.strictEqual(textOf(yield* partsOf({ whole: { response: 7 } })), "7")
    })
  )
})

describe("errors", () => {
  const cases: ReadonlyArray<readonly [string, ModelError["reason"]["_tag"]]> = [
    ["3036: You have used up your daily free allocation of 10,000 neurons", "QuotaExceeded"],
    ["5035: This model requires the Workers Paid plan", "QuotaExceeded"],
    ["InferenceUpstreamError: 3040: Capacity temporarily exceeded", "Overloaded"],
    ["3042: Invalid model id", "ModelNotFound"],
    ["AiError: AiError: 5007: No such model @cf/x or task", "ModelNotFound"],
    ["3007: Request timed out", "TimedOut"],
    ["3008: Request aborted", "TimedOut"],
    ["10000: Authentication error", "AuthenticationFailed"],
    ["5018: This account is not allowed to access this model", "AuthenticationFailed"],
    ["8001: Invalid input", "InvalidRequest"],
    ["3006: Request is too large", "InvalidRequest"],
    ["5004: Invalid data", "InvalidRequest"],
    ["oneOf at '/' not met, '/messages/0/content', 'array' not in 'string'", "InvalidRequest"],
    ["Binding AI needs to be run remotely", "InvalidRequest"],
    ["5021: The estimated number of input tokens exceeded this model's context window limit", "ContextOverflow"],
    ["Network connection lost.", "ConnectionFailed"],
    ["something else", "Overloaded"]
  ]
  for (const [text, tag] of cases) {
    it.effect(`${text}: ${tag}`, () =>
      Effect.gen(function* () {
        const reason = yield* reasonOf({ error: text })
        assert.strictEqual(reason._tag, tag)
        assert.strictEqual(reason.detail, text)
      })
    )
  }

  it.effect("within a stream", () =>
    Effect.gen(function* () {
      const said = event({ errors: [{ code: 3036, message: "used up" }], success: false })
      assert.strictEqual((yield* reasonOf({ stream: [said] }))._tag, "QuotaExceeded")
    })
  )

  it.effect("a stream without an end", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* reasonOf({ stream: [event({ response: "a" })] }))._tag, "ConnectionFailed")
    })
  )

  it.effect("nothing in a known shape", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* reasonOf({ whole: { answer: 42 } }))._tag, "InvalidResponse")
      assert.strictEqual((yield* reasonOf({ whole: null }))._tag, "InvalidResponse")
    })
  )

  it.effect("no answer at all: TimedOut, and the request is aborted", () =>
    Effect.gen(function* () {
      const ai = fakeAi(() => "hang")
      const fiber = yield* Effect.forkChild(ask(ai))
      yield* Effect.promise(() => ai.asked)
      yield* TestClock.adjust("120 seconds")
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber))).reason._tag, "TimedOut")
      yield* Effect.promise(() => ai.abandoned)
    })
  )
})

const serve = (script: Parameters<typeof startMockOpenAi>[0]) =>
  Effect.acquireRelease(
    Effect.promise(() => startMockOpenAi(script)),
    (server) => Effect.promise(server.close)
  )

const client = (url: string, token = "t0ken") =>
  Effect.provide(
    ModelClient,
    WorkersAi.layerRest.pipe(
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            CLOUDFLARE_ACCOUNT_ID: "acc",
            CLOUDFLARE_API_TOKEN: token,
            CLOUDFLARE_API_BASE_URL: url
          })
        )
      )
    )
  )

const failure = (code: number, message: string) => ({ success: false, result: null, errors: [{ code, message }] })

describe("the REST API", () => {
  it.effect("is asked at the model's path, with the token", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* serve([{ raw: streams.text.openai }])
      const models = yield* client(url)
      assert.strictEqual(textOf(yield* Stream.runCollect(models.stream(request(glm, "hello")))), "Hello 42")
      const [{ path, headers, body } = assert.fail("nothing came")] = requests
      assert.strictEqual(path, `/v1/accounts/acc/ai/run/${glm}`)
      assert.strictEqual(headers.authorization, "Bearer t0ken")
      assert.strictEqual(headers["x-session-affinity"], "sesn_test")
      assert.isTrue(body.stream)
    })
  )

  it.effect("may answer whole, wrapped in a result", () =>
    Effect.gen(function* () {
      const result = { response: "Hello", usage: { prompt_tokens: 3, completion_tokens: 1 } }
      const { url } = yield* serve([{ status: 200, body: { result, success: true, errors: [], messages: [] } }])
      const parts = yield* Stream.runCollect((yield* client(url)).stream(request(glm, "hello")))
      assert.strictEqual(textOf(parts), "Hello")
      assert.deepInclude(parts.at(-1), { type: "finish" })
    })
  )

  it.effect("says what is wrong by its codes, and never repeats the token", () =>
    Effect.gen(function* () {
      const { url } = yield* serve([
        { status: 429, body: failure(3036, "used up") },
        { status: 403, body: failure(5035, "paid plan") },
        { status: 401, body: failure(10000, "t0ken is wrong") },
        { status: 200, body: failure(3040, "busy") }
      ])
      const models = yield* client(url)
      const reasons = yield* Effect.replicateEffect(
        Effect.flip(Stream.runDrain(models.stream(request(glm, "hello")))),
        4
      )
      assert.deepStrictEqual(
        reasons.map(({ reason }) => [reason._tag, reason.detail]),
        [
          ["QuotaExceeded", "used up"],
          ["QuotaExceeded", "paid plan"],
          ["AuthenticationFailed", "[key] is wrong"],
          ["Overloaded", "busy"]
        ]
      )
    })
  )

  it.effect("is not given a vendor's key", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(client("http://127.0.0.1:9", "sk-ant-x"))
      assert.strictEqual(error._tag, "AnthropicKeyRefused")
    })
  )
})
