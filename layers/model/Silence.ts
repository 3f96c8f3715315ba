import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
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

interface Watched {
  readonly connection: Scope.Closeable
  began: boolean
  since: number
  /** Why the connection was closed, where it was. */
  reason: TimedOut | undefined
}

/**
 * Closes connections on which nothing comes for too long. One fiber looks at all of them from time to time, while there are any: a timer for
 * each answer, let alone for each of its pieces, would cost more than reading them.
 */
export const make = (timeouts: Timeouts) => {
  const firstByte = Duration.toMillis(timeouts.firstByte)
  const betweenChunks = Duration.toMillis(timeouts.betweenChunks)
  const interval = Math.min(firstByte, betweenChunks, 100_000) / 20
  const all = new Set<Watched>()
  let isLooking = false

  const close = (watched: Watched, reason: TimedOut) => {
    watched.reason = reason
    all.delete(watched)
    return Scope.close(watched.connection, Exit.void)
  }

  const look = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    for (const watched of all) {
      const { began, since } = watched
      if (now - since < (began ? betweenChunks : firstByte)) continue
      yield* close(watched, began ? noMore(timeouts) : noAnswer(timeouts))
    }
  })

  const looks = Effect.gen(function* () {
    while (all.size > 0) {
      yield* Effect.sleep(interval)
      yield* look
    }
    isLooking = false
  })

  /** Until the scope ends. */
  const watch = Effect.fnUntraced(function* (connection: Scope.Closeable) {
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const watched: Watched = { connection, began: false, since: now(), reason: undefined }
    yield* Effect.acquireRelease(
      Effect.sync(() => all.add(watched)),
      () => Effect.sync(() => all.delete(watched))
    )
    if (!isLooking) {
      isLooking = true
      yield* Effect.forkDetach(looks)
    }
    return {
      /** Something came. */
      heard: () => {
        watched.began = true
        watched.since = now()
      },
      reason: () => watched.reason
    }
  })

  return { watch }
}

export type Silence = ReturnType<typeof make>
