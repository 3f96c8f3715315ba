import * as Stream from "effect/Stream"
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import type { ModelErrorReason, ModelPart, ModelRequest } from "../../src/ModelClient.ts"
import { ChatStream } from "../../src/model/ChatStream.ts"
import type { Classify } from "../../src/model/ProviderFailure.ts"

/** How long the end of a body may take that follows an answer's end marker. Read to its end, a connection serves the next request. */
const grace = Duration.millis(100)

/** Mostly the end is there already, and needs no timer to be waited for. */
const drain = Effect.fnUntraced(function* (body: Pull.Pull<unknown, ModelErrorReason>) {
  const reading = yield* Effect.forkChild(Effect.ignore(Effect.forever(body, { disableYield: true })))
  for (let yields = 0; yields < 5; yields++) {
    if (reading.pollUnsafe() !== undefined) return
    yield* Effect.yieldNow
  }
  yield* Effect.timeoutOption(Fiber.await(reading), grace)
  yield* Fiber.interrupt(reading)
})

/** The parts of an answer, as its bytes arrive: one array of parts for one piece of the body. */
export const parts = (
  body: Stream.Stream<Uint8Array, ModelErrorReason>,
  classify: Classify,
  request: Pick<ModelRequest, "model" | "tools">
): Stream.Stream<ModelPart, ModelErrorReason> =>
  Stream.transformPull(body, (pull) =>
    Effect.sync(() => {
      const decoder = new TextDecoder()
      const answer = new ChatStream(classify, request)
      const read = Effect.match(pull, {
        onSuccess: (chunks) => {
          for (const bytes of chunks) answer.feed(decoder.decode(bytes, { stream: true }))
        },
        onFailure: (end) => {
          answer.feed(decoder.decode())
          answer.end(Cause.isDone(end) ? undefined : end)
        }
      })
      return Effect.suspend(function next(): Pull.Pull<Array.NonEmptyReadonlyArray<ModelPart>, ModelErrorReason> {
        const parts = answer.take()
        if (Array.isReadonlyArrayNonEmpty(parts)) return Effect.succeed(parts)
        if (answer.outcome === undefined) return Effect.flatMap(read, next)
        return answer.outcome === "finished" ? Effect.andThen(drain(pull), Cause.done()) : Effect.fail(answer.outcome)
      })
    })
  )
