import { Clock, Duration, Effect, Exit, Scope } from "effect"
import { TimedOut } from "../../src/ModelClient.ts"

/** How long nothing may come. */
export interface Timeouts {
  readonly firstByte: Duration.Input
  readonly betweenChunks: Duration.Input
}

export const defaultTimeouts: Timeouts = { firstByte: "120 seconds", betweenChunks: "120 seconds" }

export const timedOut = (what: string, duration: Duration.Input) =>
  new TimedOut({ detail: `${what} for ${Duration.format(Duration.fromInputUnsafe(duration))}` })

export const noAnswer = ({ firstByte }: Timeouts) => timedOut("no answer began", firstByte)
export const noMore = ({ betweenChunks }: Timeouts) => timedOut("nothing came", betweenChunks)

/**
 * Closes a connection on which nothing comes for too long. One fiber and one timer for a whole answer: a time limit around each of its
 * pieces would cost more than reading them.
 */
export const watch = Effect.fnUntraced(function* (connection: Scope.Closeable, timeouts: Timeouts) {
  const clock = yield* Clock.Clock
  const firstByte = Duration.toMillis(timeouts.firstByte)
  const betweenChunks = Duration.toMillis(timeouts.betweenChunks)
  let began = false
  let since = clock.currentTimeMillisUnsafe()
  let reason: TimedOut | undefined

  const wait: Effect.Effect<void> = Effect.suspend(() => {
    const left = since + (began ? betweenChunks : firstByte) - clock.currentTimeMillisUnsafe()
    if (left > 0) return Effect.andThen(Effect.sleep(left), wait)
    reason = began ? noMore(timeouts) : noAnswer(timeouts)
    return Scope.close(connection, Exit.void)
  })
  yield* Effect.forkScoped(wait)

  return {
    /** Something came. */
    heard: () => {
      began = true
      since = clock.currentTimeMillisUnsafe()
    },
    /** Why the connection was closed, where it was. */
    reason: () => reason
  }
})
