import { Effect, Fiber, Layer, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as OpenAiCompatible from "../../layers/model/OpenAiCompatible.ts"
import { ModelClient, type ModelError, type ModelPart, type ModelRequest } from "../../src/ModelClient.ts"
import { request } from "../ModelClient.contract.ts"
import { chunk, event, type MockAnswer, startMockOpenAi } from "./mockOpenAi.ts"

/** An OpenAI-compatible provider over a server that answers from a list. */

export const serve = (script: ReadonlyArray<MockAnswer>) =>
  Effect.acquireRelease(
    Effect.promise(() => startMockOpenAi(script)),
    (server) => Effect.promise(server.close)
  )

export const ask = (
  url: string,
  asked: ModelRequest = request("local/some/model", "hello"),
  apiKey?: string
): Effect.Effect<ReadonlyArray<ModelPart>, ModelError> =>
  Effect.gen(function* () {
    const models = yield* ModelClient
    return yield* Stream.runCollect(models.stream(asked))
  }).pipe(
    Effect.provide(
      OpenAiCompatible.layer({
        name: "local",
        baseUrl: url,
        apiKey: apiKey === undefined ? apiKey : Redacted.make(apiKey)
      }).pipe(Layer.provide(FetchHttpClient.layer), Layer.orDie)
    )
  )

/** What comes of one answer. */
export const partsOf = Effect.fnUntraced(function* (answer: MockAnswer) {
  const { url } = yield* serve([answer])
  return yield* ask(url)
})

/** A stream of these JSON values. */
export const stream = (...values: ReadonlyArray<unknown>): MockAnswer => ({
  raw: [...values.map(event), "data: [DONE]\n\n"]
})

export const toolCalls = (...tool_calls: ReadonlyArray<unknown>) => chunk({ tool_calls })

/** Lets time pass until the fiber is done: what it waits for is either the server or the clock. */
export const afterWaiting = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("10 seconds")
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    return yield* Fiber.join(fiber)
  })
