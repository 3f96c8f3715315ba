import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { blobKey, Blobs } from "../Blobs.ts"
import { now } from "../domain/Common.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { type LogEntry, Storage } from "../Storage.ts"
import type { ExportedEntry, SessionExport } from "./Export.ts" // Its types alone: no Worker reads exports.
import * as Shown from "./Shown.ts"

/** Entries that are read from the log at a time. */
const page = 50

/** A session's export up to a place in its log, as it is read: nothing of it is kept but the conversation as it stands. */
export const exportSession = Effect.fnUntraced(function* (record: SessionRecord, lastSeq: number) {
  const storage = yield* Storage
  const blobs = yield* Blobs
  const show = Shown.make(record)

  const exported = Effect.fnUntraced(function* ({ seq, event }: LogEntry) {
    const request = show(event)
    const isCut = event.type === "agent.tool_result" && event.stored_characters !== undefined
    const text = isCut ? yield* blobs.get(blobKey(record.id, event.id)) : Option.none()
    const entry: ExportedEntry = {
      seq,
      event,
      ...(Option.isSome(text) ? { text: text.value } : {}),
      ...(request === undefined ? {} : { request })
    }
    return `${seq === 1 ? "" : ","}\n${JSON.stringify(entry)}`
  })

  const entries = Stream.paginate(
    0,
    Effect.fnUntraced(function* (after: number) {
      const found = yield* storage.log(after, Math.min(page, lastSeq - after))
      const lines = yield* Effect.forEach(found, exported)
      const last = found.at(-1)?.seq ?? lastSeq
      return [lines, last < lastSeq ? Option.some(last) : Option.none()] as const
    })
  )
  const head: Omit<SessionExport, "entries"> = {
    type: "session_export",
    version: 1,
    exported_at: yield* now,
    session: record
  }
  const start = `${JSON.stringify(head).slice(0, -1)},"entries":[`
  return Stream.make(start).pipe(Stream.concat(entries), Stream.concat(Stream.make("\n]}\n")))
})
