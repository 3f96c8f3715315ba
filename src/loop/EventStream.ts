import * as Stream from "effect/Stream"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import type { StorageError } from "../Storage.ts"
import { broken, type Frame } from "./LiveFeed.ts"

const message = (type: string, data: object, id?: number) =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`

const text = (frame: Frame): string =>
  "seq" in frame ? message(frame.event.type, frame.event, frame.seq) : message(frame.type, frame)

/** The frames, with one in place of the log's failure that says so. */
export const orBroken = <E extends StorageError>(frames: Stream.Stream<Frame, E>): Stream.Stream<Frame> =>
  Stream.catch(frames, (error) =>
    Stream.fromEffect(
      Effect.as(
        Effect.logError("an event stream broke off", error),
        broken("the stream broke off: open it again after the last event that you have")
      )
    )
  )

/** Server-sent events of a session. The first one is a ping, which makes proxies pass the response on at once. */
export const encode = (frames: Stream.Stream<Frame, StorageError>): Stream.Stream<Uint8Array> =>
  Stream.suspend(() => {
    const encoder = new TextEncoder()
    // One piece for all frames that are there: a stream costs by the piece.
    return Stream.concat(Stream.succeed<Frame>({ type: "ping" }), orBroken(frames)).pipe(
      Stream.mapArray((some) => Array.of(encoder.encode(some.map(text).join(""))))
    )
  })
