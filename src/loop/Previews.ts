import type { StreamOptions } from "../Sessions.ts"
import type { Frame } from "./LiveFeed.ts"

/** The previews that a listener asked for, each from its start and without a hole, or not at all. */
export const make = (wanted: StreamOptions["deltas"]) => {
  const started = new Set<string>()

  const isShown = (frame: Frame): boolean => {
    if ("seq" in frame) {
      started.delete(frame.event.id)
      return true
    }
    switch (frame.type) {
      case "event_start":
        if (wanted.has(frame.event.type)) started.add(frame.event.id)
        return started.has(frame.event.id)
      case "event_delta":
        return started.has(frame.event_id)
      default:
        return true
    }
  }

  return {
    isShown,
    /** Some frames were not seen: what has begun is not previewed further. */
    forget: () => started.clear()
  }
}
