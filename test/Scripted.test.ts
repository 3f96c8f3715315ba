import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import * as Scripted from "../layers/model/Scripted.ts"
import { ModelClient, TimedOut } from "../src/ModelClient.ts"
import { request } from "./ModelClient.contract.ts"

const ask = Effect.fnUntraced(function* (text: string) {
  const models = yield* ModelClient
  return yield* Stream.runCollect(models.stream(request("m", text)))
})

it.effect("plays its turns in order and keeps what it was asked", () =>
  Effect.gen(function* () {
    const script = yield* Scripted.Script
    const first = yield* ask("one")
    assert.deepStrictEqual(
      first.map(({ type }) => type),
      ["tool_call", "tool_call", "finish"]
    )
    const error = yield* Effect.flip(ask("two"))
    assert.strictEqual(error.reason._tag, "TimedOut")
    assert.deepStrictEqual((yield* ask("three"))[0], { type: "text", text: "three" })
    assert.deepStrictEqual(
      (yield* script.requests).map(({ messages }) => messages[0]),
      ["one", "two", "three"].map((text) => ({ role: "user" as const, text }))
    )
  }).pipe(
    Effect.provide(
      Scripted.layer([
        [...Scripted.call("a", {}), ...Scripted.call("b", { x: 1 })],
        Scripted.fail(new TimedOut({ detail: "slow" })),
        ({ messages }) => Scripted.say(messages[0]?.role === "user" ? messages[0].text : "")
      ])
    )
  )
)

it.effect("dies where the script has run out", () =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(ask("one"))
    assert.isTrue(Exit.hasDies(exit))
  }).pipe(Effect.provide(Scripted.layer([])))
)

it.effect("hangs until it is interrupted", () =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(ask("one"), { startImmediately: true })
    assert.isUndefined(fiber.pollUnsafe())
    yield* Fiber.interrupt(fiber)
    assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
  }).pipe(Effect.provide(Scripted.layer([Scripted.hang])))
)
