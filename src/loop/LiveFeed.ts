import { Effect, FiberHandle, Option, PubSub, Stream } from "effect"
import type { Timestamp } from "../domain/Common.ts"
import type { DeltaFrame } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import { type LogEntry, Storage } from "../Storage.ts"

/** What a listener sees: entries of the log, previews of events that are being written, and a sign of life where there is nothing else. */
export type Frame = LogEntry | DeltaFrame | { readonly type: "ping" } | SessionDeleted

/** The last frame of a session: its listeners are let go. */
export interface SessionDeleted {
  readonly type: "session.deleted"
  readonly id: EventId
  readonly processed_at: Timestamp
}

/** Frames that a listener may lag behind: beyond that it loses previews, and reads the entries it missed from the log. */
const capacity = 256

/** Entries read from the log at a time. */
const page = 200

/** Without a word for so long, proxies and clients take a connection for dead. */
const heartbeat = "10 seconds"

/** Shows a session's log to any number of listeners, and never waits for one or grows because of one. */
export const make = Effect.gen(function* () {
  const storage = yield* Storage
  const live = yield* PubSub.sliding<Frame>(capacity)
  const pings = yield* FiberHandle.make()
  let listeners = 0

  const publish = (frames: ReadonlyArray<Frame>): Effect.Effect<void> =>
    listeners === 0 ? Effect.void : Effect.asVoid(PubSub.publishAll(live, frames))

  /** Only while somebody listens: a timer keeps a Durable Object from being evicted. */
  const listen = Effect.acquireRelease(
    Effect.suspend(() =>
      ++listeners === 1
        ? FiberHandle.run(pings, Effect.forever(Effect.andThen(Effect.sleep(heartbeat), publish([{ type: "ping" }]))))
        : Effect.void
    ),
    () => Effect.suspend(() => (--listeners === 0 ? FiberHandle.clear(pings) : Effect.void))
  )

  /** Every entry after `seq`, in order and once, then whatever comes, for ever. */
  const follow = (seq: number) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const subscription = yield* PubSub.subscribe(live)
        yield* listen
        let cursor = seq
        const stored = Effect.map(
          Effect.suspend(() => storage.events({ after: cursor, limit: page, order: "asc" })),
          (entries) => {
            cursor = entries.at(-1)?.seq ?? cursor
            return [entries, Option.some(entries.length < page)] as const
          }
        )
        const fresh = Effect.map(PubSub.takeAll(subscription), (frames) => {
          const shown: Array<Frame> = []
          for (const frame of frames) {
            if ("seq" in frame) {
              if (frame.seq <= cursor) continue
              // Some were dropped: the log has them, and what follows them.
              if (frame.seq > cursor + 1) return [shown, Option.some(false)] as const
              cursor = frame.seq
            }
            shown.push(frame)
            if ("type" in frame && frame.type === "session.deleted") return [shown, Option.none<boolean>()] as const
          }
          return [shown, Option.some(true)] as const
        })
        return Stream.paginate(false, (isCaughtUp) => (isCaughtUp ? fresh : stored))
      })
    )

  return { publish, follow, isWatched: Effect.sync(() => listeners > 0) }
})
