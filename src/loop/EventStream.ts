import { Stream } from "effect"
import type { DeltaFrame, SessionEvent } from "../domain/Event.ts"
import type { StorageError } from "../Storage.ts"
import type { StreamOptions } from "../Sessions.ts"
import type { Frame } from "./LiveFeed.ts"

/** Without a word for so long, proxies and clients take a connection for dead. */
const heartbeat = "10 seconds"

const message = (type: string, data: object, id?: number) =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`

const event = (seq: number, data: SessionEvent) => message(data.type, data, seq)

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

/** Server-sent events of a session. The first ping makes proxies pass the response on at once. */
export const encode = (
  frames: Stream.Stream<Frame, StorageError>,
  options: StreamOptions
): Stream.Stream<Uint8Array, StorageError> =>
  Stream.suspend(() => {
    const preview = previews(options.deltas)
    return frames.pipe(
      Stream.map((frame) => ("seq" in frame ? event(frame.seq, frame.event) : preview(frame))),
      Stream.merge(
        Stream.map(Stream.tick(heartbeat), () => message("ping", { type: "ping" })),
        {
          haltStrategy: "left"
        }
      ),
      Stream.filter((text) => text !== ""),
      Stream.encodeText
    )
  })
