import { Array, Effect, Stream } from "effect"
import type { DeltaFrame } from "../domain/Event.ts"
import type { StreamOptions } from "../Sessions.ts"
import type { StorageError } from "../Storage.ts"
import type { Frame } from "./LiveFeed.ts"

const message = (type: string, data: object, id?: number) =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`

/** The previews that a listener asked for; one that came too late for a preview's start gets none of it. */
const previews = (wanted: StreamOptions["deltas"]) => {
  const started = new Set<string>()
  return (frame: DeltaFrame): string => {
    if (frame.type === "event_start") {
      if (!wanted.has(frame.event.type)) return ""
      started.add(frame.event.id)
    } else if (!started.has(frame.event_id)) return ""
    return message(frame.type, frame)
  }
}

const broken = message("error", {
  type: "error",
  error: { type: "api_error", message: "the stream broke off: open it again" }
})

/** Server-sent events of a session. The first one is a ping, which makes proxies pass the response on at once. */
export const encode = (frames: Stream.Stream<Frame, StorageError>, options: StreamOptions): Stream.Stream<Uint8Array> =>
  Stream.suspend(() => {
    const preview = previews(options.deltas)
    const encoder = new TextEncoder()
    const text = (frame: Frame): string => {
      if ("seq" in frame) return message(frame.event.type, frame.event, frame.seq)
      return frame.type === "event_start" || frame.type === "event_delta" ? preview(frame) : message(frame.type, frame)
    }
    // One piece for all frames that are there: a stream costs by the piece.
    return Stream.concat(Stream.succeed<Frame>({ type: "ping" }), frames).pipe(
      Stream.mapArray((some) => Array.of(encoder.encode(some.map(text).join("")))),
      Stream.filter((bytes) => bytes.length > 0),
      Stream.catch((error) =>
        Stream.fromEffect(Effect.as(Effect.logError("an event stream broke off", error), encoder.encode(broken)))
      )
    )
  })
