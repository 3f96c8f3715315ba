import { Effect, Option, PubSub, Stream } from "effect"
import type { DeltaFrame } from "../domain/Event.ts"
import { type LogEntry, Storage } from "../Storage.ts"

/** What a listener sees: entries of the log, and previews of events that are being written. */
export type Frame = LogEntry | DeltaFrame

/** Frames that a listener may lag behind: beyond that it loses previews, and reads the entries it missed from the log. */
const capacity = 256

/** Entries read from the log at a time. */
const page = 200

/** Shows a session's log to any number of listeners, and never waits for one or grows because of one. */
export const make = Effect.gen(function* () {
  const storage = yield* Storage
  const live = yield* PubSub.sliding<Frame>(capacity)
  let listeners = 0

  const publish = (frames: ReadonlyArray<Frame>): Effect.Effect<void> =>
    listeners === 0 ? Effect.void : Effect.asVoid(PubSub.publishAll(live, frames))

  const readAfter = (seq: number) =>
    Stream.paginate(seq, (after) =>
      Effect.map(storage.events({ after, limit: page, order: "asc" }), (entries) => [
        entries,
        entries.length < page ? Option.none<number>() : Option.some(entries.at(-1)!.seq)
      ])
    )

  /** Every entry after `seq`, in order and once, then whatever comes, for ever. */
  const follow = (seq: number) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const subscription = yield* PubSub.subscribe(live)
        yield* Effect.acquireRelease(
          Effect.sync(() => listeners++),
          () => Effect.sync(() => listeners--)
        )
        let cursor = seq
        const advance = (entry: LogEntry) => {
          cursor = entry.seq
          return entry
        }
        const catchUp = Stream.suspend(() => readAfter(cursor)).pipe(Stream.map(advance))
        return Stream.concat(
          catchUp,
          Stream.fromSubscription(subscription).pipe(
            Stream.flatMap((frame): Stream.Stream<Frame, Effect.Error<typeof storage.log>> => {
              if (!("seq" in frame)) return Stream.succeed(frame)
              if (frame.seq <= cursor) return Stream.empty
              return frame.seq === cursor + 1 ? Stream.succeed(advance(frame)) : catchUp
            })
          )
        )
      })
    )

  return { publish, follow, isWatched: Effect.sync(() => listeners > 0) }
})
