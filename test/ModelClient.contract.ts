import assert from "node:assert/strict"
import { Context, Deferred, Effect, Fiber, Stream } from "effect"
import type { ModelUsage } from "../src/domain/Event.ts"
import { SessionId } from "../src/domain/Ids.ts"
import { ModelClient, type ModelPart, type ModelRequest } from "../src/ModelClient.ts"
import type { Contract } from "./support/contract.ts"

export type Behaviour = "text" | "call" | "failure" | "hang" | "stall"

/** What stands behind the layer under test. It answers by the text of the last message, a `Behaviour` where it can be told to. */
export class Provider extends Context.Service<
  Provider,
  {
    readonly model: string
    readonly usage: ModelUsage
    /** The text that makes it behave so. */
    prompt(behaviour: Behaviour): string
    /** Completes when the client hung up before the answer was over. */
    readonly abandoned: Effect.Effect<void>
    /** Completes when a request has come. */
    readonly asked: Effect.Effect<void>
  }
>()("ownloop/test/ModelClient.contract/Provider") {}

export const request = (model: string, text: string, fields: Partial<ModelRequest> = {}): ModelRequest => ({
  model,
  sessionId: SessionId.make("sesn_test"),
  system: "Be brief.",
  messages: [{ role: "user", text }],
  tools: [
    {
      name: "bash",
      description: "Runs a command",
      parameters: { type: "object", properties: { command: { type: "string" } }, required: ["command"] }
    }
  ],
  ...fields
})

const stream = Effect.fnUntraced(function* (behaviour: Behaviour) {
  const { model, prompt } = yield* Provider
  const models = yield* ModelClient
  return models.stream(request(model, prompt(behaviour)))
})

const parts = (behaviour: Behaviour) => Effect.flatMap(stream(behaviour), Stream.runCollect)

export const textOf = (parts: ReadonlyArray<ModelPart>): string =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("")

/** What every layer does. */
export const contract: Contract<ModelClient | Provider> = {
  "streams text, then finishes": Effect.gen(function* () {
    const all = yield* parts("text")
    assert.ok(textOf(all).length > 0)
    assert.deepEqual(new Set(all.slice(0, -1).map(({ type }) => type)), new Set(["text"]))
    assert.equal(all.at(-1)?.type, "finish")
  }),
  "gives a tool call whole, with its arguments as text": Effect.gen(function* () {
    const all = yield* parts("call")
    const calls = all.filter((part) => part.type === "tool_call")
    assert.deepEqual(
      calls.map((call) => [call.name, JSON.parse(call.arguments)]),
      [["bash", { command: "ls" }]]
    )
    assert.equal(all.filter(({ type }) => type === "finish").length, 1)
    assert.equal(all.at(-1)?.type, "finish")
  }),
  "carries the usage": Effect.gen(function* () {
    const { usage } = yield* Provider
    assert.deepEqual((yield* parts("text")).at(-1), { type: "finish", usage, truncated: false })
  }),
  "fails typed, and names the model": Effect.gen(function* () {
    const { model, prompt } = yield* Provider
    const models = yield* ModelClient
    const name = prompt("failure") === "" ? `not-${model}` : model
    const error = yield* Effect.flip(Stream.runDrain(models.stream(request(name, prompt("failure")))))
    assert.equal(error._tag, "ModelError")
    assert.equal(error.model, name)
    assert.notEqual(error.reason.detail, "")
  })
}

/** What layers do that have someone else behind them. */
export const remoteContract: Contract<ModelClient | Provider> = {
  "hangs up when it is interrupted before the answer begins": Effect.gen(function* () {
    const { abandoned, asked } = yield* Provider
    const fiber = yield* Effect.forkChild(Stream.runDrain(yield* stream("hang")))
    yield* asked
    yield* Fiber.interrupt(fiber)
    yield* abandoned
  }),
  "hangs up when it is interrupted within the answer": Effect.gen(function* () {
    const { abandoned } = yield* Provider
    const begun = yield* Deferred.make<ModelPart>()
    const fiber = yield* Effect.forkChild(
      Stream.runForEach(yield* stream("stall"), (part) => Deferred.succeed(begun, part))
    )
    assert.deepEqual(yield* Deferred.await(begun), { type: "text", text: "one" })
    yield* Fiber.interrupt(fiber)
    yield* abandoned
  }),
  "hangs up when nobody reads on": Effect.gen(function* () {
    const { abandoned } = yield* Provider
    yield* Stream.runDrain(Stream.take(yield* stream("stall"), 1))
    yield* abandoned
  })
}
