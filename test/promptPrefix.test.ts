import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import * as OpenAiCompatible from "../layers/model/OpenAiCompatible.ts"
import * as WorkersAi from "../layers/model/WorkersAi.ts"
import { agentLoop } from "../layers/test.ts"
import { ModelClient } from "../src/ModelClient.ts"
import { converse, echo, session, stopReason } from "./support/agentLoop.ts"
import { fakeAi } from "./support/fakeAi.ts"
import type { MockAnswer } from "./support/mockOpenAi.ts"
import { serve } from "./support/openAiCompatible.ts"

/** A provider's prefix cache hits only where a request begins with the very bytes of the one before it. */

const conversation = (model: string, client: Layer.Layer<ModelClient>) =>
  Effect.gen(function* () {
    yield* converse("go", { agent: { ...session.agent, model: { id: model } } })
    assert.strictEqual(yield* stopReason, "end_turn")
  }).pipe(Effect.provide(agentLoop({ id: session.id, model: client, tools: [echo] })))

/** Each but for the end of its list of messages, which comes last. */
const assertPrefixes = (bodies: ReadonlyArray<string>) => {
  assert.lengthOf(bodies, 3)
  for (const [index, body] of bodies.slice(0, -1).entries()) {
    assert.isTrue(body.endsWith("]}"))
    assert.isTrue(bodies[index + 1]!.startsWith(body.slice(0, -2)), bodies[index + 1])
  }
}

const calls: ReadonlyArray<MockAnswer> = [
  { text: "first", calls: [{ name: "echo", arguments: { text: "a" } }] },
  { reasoning: ["hm"], calls: [{ name: "echo", arguments: { text: "b" } }] },
  { text: "done" }
]

describe("step by step, a session's requests", () => {
  it.effect("to an OpenAI-compatible server begin with the bytes of the one before", () =>
    Effect.gen(function* () {
      const server = yield* serve(calls)
      const client = OpenAiCompatible.layer({ name: "local", baseUrl: server.url }).pipe(
        Layer.provide(FetchHttpClient.layer),
        Layer.orDie
      )
      yield* conversation("local/m", client)
      assertPrefixes(server.requests.map(({ body }) => JSON.stringify(body)))
    })
  )

  it.effect("to Workers AI begin with the bytes of the one before", () =>
    Effect.gen(function* () {
      const answer = (text: string, call?: object) => ({
        whole: {
          response: text,
          usage: { prompt_tokens: 1, completion_tokens: 1 },
          ...(call && { tool_calls: [call] })
        }
      })
      const answers = [
        answer("first", { name: "echo", arguments: { text: "a" } }),
        answer("", { name: "echo", arguments: { text: "b" } }),
        answer("done")
      ]
      const ai = fakeAi(() => answers.shift()!)
      yield* conversation("@cf/m", Layer.succeed(ModelClient, WorkersAi.fromBinding(ai)))
      assertPrefixes(ai.calls.map(({ inputs }) => JSON.stringify(inputs)))
    })
  )
})
