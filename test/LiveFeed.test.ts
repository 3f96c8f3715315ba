import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Memory from "../layers/storage/Memory.ts"
import type { DeltaFrame } from "../src/domain/Event.ts"
import { EventId } from "../src/domain/Ids.ts"
import * as EventStream from "../src/loop/EventStream.ts"
import * as LiveFeed from "../src/loop/LiveFeed.ts"
import { Storage } from "../src/Storage.ts"

const now = "2026-11-22T16:42:00.000Z"

/** A feed over a log in memory, and its readers. */
const prepared = Effect.gen(function* () {
  const storage = yield* Storage
  const feed = yield* LiveFeed.make
  let count = 0

  /** Logs so many events and shows them. */
  const append = (events: number) =>
    Effect.suspend(() => {
      const ids = Array.from({ length: events }, () => EventId.make(`sevt_${++count}`))
      return storage.append(ids.map((id) => ({ type: "session.status_running", id, processed_at: now })))
    }).pipe(Effect.tap(feed.publish))

  const frames = (after: number) =>
    feed.follow(after, { deltas: new Set<"agent.message">(["agent.message"]), heartbeat: true })

  /** A client: each `read` answers one piece, the id or the name of each of its frames; undefined at the end. */
  const connect = Effect.fnUntraced(function* (after: number) {
    const reader = (yield* Stream.toReadableStreamEffect(EventStream.encode(frames(after)))).getReader()
    const text = Effect.promise(async () => new TextDecoder().decode((await reader.read()).value))
    const read = Effect.map(text, (text) =>
      text === "" ? undefined : [...text.matchAll(/(?:id: (\d+)\n)?event: (\S+)/g)].map(([, id, type]) => id ?? type)
    )
    return { text, read, cancel: Effect.promise(() => reader.cancel()) }
  })
  return { feed, append, connect }
})

const places = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => String(first + n))

const start = (id: string): DeltaFrame => ({
  type: "event_start",
  event: { type: "agent.message", id: EventId.make(id) }
})
const delta = (id: string): DeltaFrame => ({
  type: "event_delta",
  event_id: EventId.make(id),
  delta: { type: "content_delta", index: 0, content: { type: "text", text: "so " } }
})

describe("LiveFeed", () => {
  it.effect("shows every entry after a place once, from the log and as they come", () =>
    Effect.gen(function* () {
      const { append, connect } = yield* prepared
      yield* append(450)
      const { read } = yield* connect(3)
      assert.deepStrictEqual(yield* read, ["ping"])
      const seen = [...(yield* read)!]
      yield* append(2)
      while (seen.length < 449) seen.push(...(yield* read)!)
      yield* append(1)
      assert.deepStrictEqual([...seen, ...(yield* read)!], places(4, 453))
    }).pipe(Effect.provide(Memory.storage))
  )

  it.effect("shows a reader that lags what it missed from the log, and previews whole or not at all", () =>
    Effect.gen(function* () {
      const { feed, append, connect } = yield* prepared
      const { read } = yield* connect(0)
      assert.deepStrictEqual(yield* read, ["ping"])
      yield* append(1)
      yield* feed.publish([start("sevt_a"), delta("sevt_a")])
      assert.deepStrictEqual(yield* read, ["1"])
      assert.deepStrictEqual(yield* read, ["event_start", "event_delta"])
      yield* append(1)
      // Somewhere in here the reader is too far behind, and what it has not taken yet is dropped.
      for (let n = 0; n < 300; n++) yield* feed.publish([delta("sevt_a")])
      yield* append(1)
      yield* feed.publish([delta("sevt_a"), start("sevt_b"), delta("sevt_b")])
      const seen: Array<string | undefined> = []
      while (!seen.includes("event_start")) seen.push(...(yield* read)!)
      assert.deepStrictEqual(
        seen.filter((frame) => frame !== "event_delta"),
        ["2", "3", "event_start"]
      )
      assert.strictEqual(seen.slice(seen.indexOf("3")).join(" "), "3 event_start event_delta")
    }).pipe(Effect.provide(Memory.storage))
  )

  it.effect("lets go of a reader that takes nothing for a minute, and tells it so", () =>
    Effect.gen(function* () {
      const { feed, append, connect } = yield* prepared
      const { read, text } = yield* connect(0)
      assert.deepStrictEqual(yield* read, ["ping"])
      yield* append(1)
      yield* TestClock.adjust("1 second")
      yield* append(1)
      yield* TestClock.adjust("59 seconds")
      assert.isTrue(yield* feed.isWatched)
      yield* TestClock.adjust("10 seconds")
      assert.isFalse(yield* feed.isWatched)
      yield* append(1)
      assert.deepStrictEqual(yield* read, ["1"])
      const error = {
        type: "api_error",
        message: "this stream was not read for a minute: open it again after the last event that you have"
      }
      assert.strictEqual(yield* text, `event: error\ndata: ${JSON.stringify({ type: "error", error })}\n\n`)
      assert.isUndefined(yield* read)
    }).pipe(Effect.provide(Memory.storage))
  )

  it.effect("keeps a reader for which there is nothing, and shows it signs of life", () =>
    Effect.gen(function* () {
      const { feed, append, connect } = yield* prepared
      const { read, cancel } = yield* connect(0)
      assert.deepStrictEqual(yield* read, ["ping"])
      for (let n = 0; n < 20; n++) {
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* read, ["ping"])
      }
      yield* append(1)
      assert.deepStrictEqual(yield* read, ["1"])
      yield* cancel
      assert.isFalse(yield* feed.isWatched)
    }).pipe(Effect.provide(Memory.storage))
  )
})
