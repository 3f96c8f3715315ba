import * as Effect from "effect/Effect"
import { blobKey, Blobs } from "../Blobs.ts"
import { type EventId, nextEventId, type SessionId } from "../domain/Ids.ts"
import { middleOut } from "./middleOut.ts"
import type { NewEvent } from "./SessionLog.ts"

type ToolResult = Extract<NewEvent, { readonly type: "agent.tool_result" }>

export const make = (toolUseId: EventId, text: string, isError: boolean): ToolResult => ({
  type: "agent.tool_result",
  tool_use_id: toolUseId,
  content: [{ type: "text", text }],
  is_error: isError
})

/** What answers a call that could not be run as the model wrote it. */
export const reject = (toolUseId: EventId, text: string): ToolResult => ({
  ...make(toolUseId, text, true),
  rejected: true
})

/** What a tool whose process is gone is settled with, where it may not run again. */
export const outcomeUnknown = (toolUseId: EventId): ToolResult =>
  make(toolUseId, "interrupted: whether it took effect is not known", true)

/** Characters of a result that the log holds, and of what it shows of a longer one. */
const longest = 300_000
const shown = 50_000

const preview = (text: string) =>
  `${middleOut(text, shown)}\n[This result has ${text.length} characters: ask for less at a time.]`

/** A result that is too long for the log is stored before the event that names it, and shown by its two ends. */
export const store = Effect.fnUntraced(function* (
  session: SessionId,
  toolUseId: EventId,
  text: string,
  isError: boolean
) {
  if (text.length <= longest) return make(toolUseId, text, isError)
  const blobs = yield* Blobs
  const id = yield* nextEventId
  const result = make(toolUseId, preview(text), isError)
  return yield* blobs.put(blobKey(session, id), text).pipe(
    Effect.as<ToolResult>({ ...result, id, stored_characters: text.length }),
    // The tool has run: what is left of its result is still worth more than none.
    Effect.catch((error) => Effect.as(Effect.logError("a long tool result could not be stored", error), result))
  )
})
