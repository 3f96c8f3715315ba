import * as Effect from "effect/Effect"
import { AheadOfLog, type StreamOptions } from "../Sessions.ts"
import type { AgentLoop } from "./AgentLoop.ts"

/**
 * Which part of the log a stream begins with. Clients either open a stream and then send, or send and then open a stream, perhaps when all is
 * over. So each stretch of work belongs to the stream that was opened last before it, or first after it; what belongs to none yet is shown to
 * the next one. Kept in memory alone: after the object was away, what was over then stays over.
 */
export const make = (loop: AgentLoop["Service"]) => {
  let workSeq: number | undefined
  let unclaimedSeq: number | undefined
  let awaiting = false

  /** Around what may give a session at rest something to do. */
  const beginsWork = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
    const { lastSeq } = yield* loop.snapshot
    const wasBusy = yield* loop.isAtWork
    const result = yield* effect
    if (!wasBusy && (yield* loop.isAtWork)) {
      workSeq = lastSeq
      if (!(awaiting && (yield* loop.isWatched))) unclaimedSeq ??= lastSeq
      awaiting = false
    }
    return result
  })

  /** The place in the log after which a stream goes on that is opened now. */
  const begin = Effect.fnUntraced(function* ({ after }: StreamOptions) {
    const { lastSeq, record, turnSeq } = yield* loop.snapshot
    if (after !== undefined && after > lastSeq) return yield* new AheadOfLog({ id: record.id, after, last: lastSeq })
    const isAtWork = yield* loop.isAtWork
    const place = after ?? unclaimedSeq ?? (isAtWork ? (workSeq ?? Math.max(turnSeq - 1, 0)) : lastSeq)
    awaiting = !isAtWork && place === lastSeq
    unclaimedSeq = undefined
    return place
  })

  return { beginsWork, begin }
}
