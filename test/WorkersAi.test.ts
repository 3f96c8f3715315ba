import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type * as WorkersAi from "../layers/model/WorkersAi.ts"
import { EventId } from "../src/domain/Ids.ts"
import { request, textOf } from "./ModelClient.contract.ts"
import { fakeAi, streams } from "./support/fakeAi.ts"
import { serve } from "./support/openAiCompatible.ts"
import { ask, glm, mistral, rest } from "./support/workersAi.ts"

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

  it.effect("is not given what older models do not know", () =>
    Effect.gen(function* () {
      const ai = fakeAi(() => ({ stream: streams.text.older }))
      yield* ask(ai, request(mistral, "hello"))
      assert.notProperty(ai.calls[0]?.inputs, "stream_options")
      assert.isAtLeast(ai.calls[0]?.inputs.max_tokens, 1024)
    })
  )
})

describe("the REST API", () => {
  it.effect("is asked at the model's path, with the token", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* serve([{ raw: streams.text.openai }])
      const models = yield* rest(url)
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
      const parts = yield* Stream.runCollect((yield* rest(url)).stream(request(glm, "hello")))
      assert.strictEqual(textOf(parts), "Hello")
      assert.deepInclude(parts.at(-1), { type: "finish" })
    })
  )

  it.effect("is not given a vendor's key", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(rest("http://127.0.0.1:9", "sk-ant-x"))
      assert.strictEqual(error._tag, "AnthropicKeyRefused")
    })
  )
})
