import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import * as OpenAiCompatible from "../layers/model/OpenAiCompatible.ts"
import { agentLoop } from "../layers/test.ts"
import type { ModelRequest } from "../src/ModelClient.ts"
import { request } from "./ModelClient.contract.ts"
import { converse, echo, session, stopReason } from "./support/agentLoop.ts"
import { fakeAi, streams } from "./support/fakeAi.ts"
import { ask as askServer, serve } from "./support/openAiCompatible.ts"
import { ask as askBinding, rest } from "./support/workersAi.ts"

/** How hard a model thinks is asked for in the way of its family, whatever it is asked through. */

const asked = (model: string, effort: NonNullable<ModelRequest["effort"]>) => request(model, "hello", { effort })

describe("a level is asked for", () => {
  const cases = [
    ["@cf/zai-org/glm-5.2", "high", { reasoning_effort: "high" }],
    ["@cf/zai-org/glm-4.7-flash", "none", { chat_template_kwargs: { enable_thinking: false } }],
    ["@cf/openai/gpt-oss-120b", "low", { reasoning_effort: "low" }]
  ] as const

  for (const [model, effort, fields] of cases) {
    it.effect(`of ${model}: through the binding, the REST API and a gateway`, () =>
      Effect.gen(function* () {
        const ai = fakeAi(() => ({ stream: streams.text.openai }))
        yield* askBinding(ai, asked(model, effort))
        // In the inputs: among the binding's options it would be ignored.
        assert.deepInclude(ai.calls[0]?.inputs, fields)

        const account = yield* serve([{ raw: streams.text.openai }])
        yield* Stream.runDrain((yield* rest(account.url)).stream(asked(model, effort)))
        assert.deepInclude(account.requests[0]?.body, fields)

        const gateway = yield* serve([{ text: "ok" }])
        yield* askServer(gateway.url, asked(`local/workers-ai/${model}`, effort))
        assert.deepInclude(gateway.requests[0]?.body, fields)
      })
    )
  }

  it.effect("of no model where none is wanted", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* serve([{ text: "ok" }])
      yield* askServer(url, request("local/gpt-oss", "hello"))
      assert.notProperty(requests[0]?.body, "reasoning_effort")
    })
  )
})

describe("an agent's effort", () => {
  it.effect("is in every request to a model that knows it, and in none to a fallback that does not", () =>
    Effect.gen(function* () {
      const server = yield* serve([
        { calls: [{ name: "echo", arguments: { text: "a" } }] },
        { status: 402, body: { error: "pay" } },
        { text: "done" }
      ])
      const client = OpenAiCompatible.layer({ name: "local", baseUrl: server.url }).pipe(
        Layer.provide(FetchHttpClient.layer),
        Layer.orDie
      )
      const model = { id: "local/gpt-oss", effort: { type: "low" as const }, fallbacks: ["local/mine"] }
      yield* Effect.gen(function* () {
        yield* converse("go", { agent: { ...session.agent, model } })
        assert.strictEqual(yield* stopReason, "end_turn")
      }).pipe(Effect.provide(agentLoop({ id: session.id, model: client, tools: [echo] })))
      assert.deepStrictEqual(
        server.requests.map(({ body }) => [body.model, body.reasoning_effort]),
        [
          ["gpt-oss", "low"],
          ["gpt-oss", "low"],
          ["mine", undefined]
        ]
      )
    })
  )
})
