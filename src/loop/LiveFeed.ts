import * as Stream from "effect/Stream"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type { Timestamp } from "../domain/Common.ts"
import type { DeltaFrame } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import type { StreamOptions } from "../Sessions.ts"
import { type LogEntry, Storage, type StorageError } from "../Storage.ts"
import * as Previews from "./Previews.ts"

/** What a listener sees: entries of the log, previews of events that are being written, and a sign of life where there is nothing else. */
export type Frame = LogEntry | DeltaFrame | { readonly type: "ping" } | SessionDeleted | StreamBroken

/** The last frame of a session: its listeners are let go. */
export interface SessionDeleted {
  readonly type: "session.deleted"
  readonly id: EventId
  readonly processed_at: Timestamp
}

/** The last frame of a listener that is let go though the session goes on. */
export interface StreamBroken {
  readonly type: "error"
  readonly error: { readonly type: "api_error"; readonly message: string }
}

export const broken = (message: string): StreamBroken => ({ type: "error", error: { type: "api_error", message } })

export interface FollowOptions {
  readonly deltas: StreamOptions["deltas"]
  /**
   * Shows signs of life, and lets go of a listener that takes nothing. Both need a timer, which keeps a Durable Object from being
   * evicted: without it the listener sees to both by itself.
   */
  readonly heartbeat: boolean
}

interface Listener {
  readonly heartbeat: boolean
  /** Open while there is something for it. */
  readonly news: Latch.Latch
  frames: Array<Frame>
  /** Whether the log has what `frames` lacks. */
  isBehind: boolean
  /** Heartbeats since it last took something while something waited. */
  missed: number
}

/** Frames that wait for a listener: beyond that it loses previews, and reads the entries from the log. */
const capacity = 128

/** Entries read from the log at a time. */
const page = 50

/** Without a word for so long, proxies and clients take a connection for dead. */
const interval = "10 seconds"

/** Heartbeats that a listener may leave what waits for it: for a minute at least. */
const patience = 6

const tooSlow = broken("this stream was not read for a minute: open it again after the last event that you have")

const offer = (listener: Listener, frames: ReadonlyArray<Frame>) => {
  if (listener.frames.length > 0 && listener.frames.length + frames.length > capacity) {
    listener.frames = []
    listener.isBehind = true
  }
  listener.frames.push(...frames)
  listener.news.openUnsafe()
}

/** What the session does next goes first: listeners see no difference, and are often shown two things in one piece. */
const news = (listener: Listener) => Effect.andThen(listener.news.await, Effect.yieldNow)

const isLast = (frame: Frame | undefined) =>
  frame !== undefined && "type" in frame && (frame.type === "session.deleted" || frame.type === "error")

/** Shows a session's log to any number of listeners, and never waits for one or grows because of one. */
export const make = Effect.gen(function* () {
  const storage = yield* Storage
  const heart = yield* FiberHandle.make()
  const listeners = new Set<Listener>()
  let heartbeats = 0

  const publish = (frames: ReadonlyArray<Frame>): Effect.Effect<void> =>
    listeners.size === 0 ? Effect.void : Effect.sync(() => listeners.forEach((listener) => offer(listener, frames)))

  const leave = (listener: Listener) => {
    if (listeners.delete(listener) && listener.heartbeat) heartbeats--
  }

  const beat = Effect.sync(() => {
    for (const listener of listeners) {
      if (!listener.heartbeat) continue
      if (listener.frames.length === 0 && !listener.isBehind) {
        listener.missed = 0
        offer(listener, [{ type: "ping" }])
      } else if (++listener.missed > patience) {
        leave(listener)
        listener.frames = [tooSlow]
        listener.isBehind = false
      }
    }
  })
  const beats = Effect.repeat(Effect.andThen(Effect.sleep(interval), beat), { while: () => heartbeats > 0 })

  const listen = (listener: Listener) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        listeners.add(listener)
        return listener.heartbeat && ++heartbeats === 1 ? FiberHandle.run(heart, beats) : Effect.void
      }),
      () =>
        Effect.suspend(() => {
          leave(listener)
          return heartbeats === 0 ? FiberHandle.clear(heart) : Effect.void
        })
    )

  /** Every entry after `seq`, in order and once, then whatever comes, until the session is deleted. */
  const follow = (seq: number, { deltas, heartbeat }: FollowOptions) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const listener: Listener = { heartbeat, news: yield* Latch.make(true), frames: [], isBehind: true, missed: 0 }
        yield* listen(listener)
        const previews = Previews.make(deltas)
        let cursor = seq

        const stored = Effect.map(
          Effect.suspend(() => {
            listener.isBehind = false
            previews.forget()
            return storage.log(cursor, page)
          }),
          (entries) => {
            cursor = entries.at(-1)?.seq ?? cursor
            if (entries.length === page) listener.isBehind = true
            return entries
          }
        )

        const fresh = Effect.sync(() => {
          const { frames } = listener
          listener.frames = []
          listener.news.closeUnsafe()
          // The log has shown these entries, so what previews them is over too.
          const old = frames.findLastIndex((frame) => "seq" in frame && frame.seq <= cursor)
          const shown = frames.slice(old + 1).filter(previews.isShown)
          cursor = shown.findLast((frame) => "seq" in frame)?.seq ?? cursor
          return shown
        })

        const next = Effect.suspend((): Effect.Effect<ReadonlyArray<Frame>, StorageError> => {
          listener.missed = 0
          return listener.isBehind ? stored : fresh
        })
        return Stream.paginate(undefined, () =>
          Effect.map(Effect.andThen(news(listener), next), (frames) => [
            frames,
            isLast(frames.at(-1)) ? Option.none<undefined>() : Option.some(undefined)
          ])
        )
      })
    )

  return { publish, follow, isWatched: Effect.sync(() => listeners.size > 0) }
})
