import { Array, Cause, Duration, Effect, Pull, Stream } from "effect"
import { type ModelErrorReason, type ModelPart } from "../../src/ModelClient.ts"
import { ChatStream } from "../../src/model/ChatStream.ts"
import type { Classify } from "../../src/model/ProviderFailure.ts"

/** How long the end of a body may take that follows an answer's end marker. Read to its end, a connection serves the next request. */
const grace = Duration.millis(100)

/** The parts of an answer, as its bytes arrive: one array of parts for one piece of the body. */
export const parts = (
  body: Stream.Stream<Uint8Array, ModelErrorReason>,
  classify: Classify
): Stream.Stream<ModelPart, ModelErrorReason> =>
  Stream.transformPull(body, (pull) =>
    Effect.sync(() => {
      const decoder = new TextDecoder()
      const answer = new ChatStream(classify)
      const read = Effect.match(pull, {
        onSuccess: (chunks) => {
          for (const bytes of chunks) answer.feed(decoder.decode(bytes, { stream: true }))
        },
        onFailure: (end) => {
          answer.feed(decoder.decode())
          answer.end(Cause.isDone(end) ? undefined : end)
        }
      })
      const rest = Effect.ignore(Effect.timeoutOption(Effect.forever(pull, { disableYield: true }), grace))
      return Effect.suspend(function next(): Pull.Pull<Array.NonEmptyReadonlyArray<ModelPart>, ModelErrorReason> {
        const parts = answer.take()
        if (Array.isReadonlyArrayNonEmpty(parts)) return Effect.succeed(parts)
        if (answer.outcome === undefined) return Effect.flatMap(read, next)
        return answer.outcome === "finished" ? Effect.andThen(rest, Cause.done()) : Effect.fail(answer.outcome)
      })
    })
  )
