import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Timestamp } from "../domain/Common.ts"
import { SessionEvent } from "../domain/Event.ts"
import * as Issue from "../domain/Issue.ts"
import { SessionRecord } from "../domain/Session.ts"
import * as OutputSchema from "../model/OutputSchema.ts"

/** Of the format below. A change that older readers would misread is the next one. */
const version = 1

/** What a model request for an answer showed that the one before did not: the first `from` messages were shown before. */
export const ShownRequest = Schema.Struct({
  system: Schema.optionalKey(Schema.String),
  from: Schema.Int,
  messages: Schema.Array(Schema.Unknown)
})
export type ShownRequest = typeof ShownRequest.Type

/** One event of the log, with what it stands for where that is kept elsewhere. */
export const ExportedEntry = Schema.Struct({
  seq: Schema.Int,
  event: SessionEvent,
  /** The whole text of a tool result of which the event shows the two ends. */
  text: Schema.optionalKey(Schema.String),
  /** Of a model request's start; absent where the code that wrote the file would ask otherwise than the log's `request_hash` says. */
  request: Schema.optionalKey(ShownRequest)
})
export type ExportedEntry = typeof ExportedEntry.Type

/**
 * A session in one file: JSON, in which each entry is a line of its own. Everything that the session's loop was told stands in it, and no
 * secret: neither sessions nor their tools hold any.
 */
export const SessionExport = Schema.Struct({
  type: Schema.Literal("session_export"),
  version: Schema.Literal(version),
  exported_at: Timestamp,
  /** As it stood then; its environment's `networking` is what the session may reach. */
  session: SessionRecord,
  entries: Schema.Array(ExportedEntry)
})
export type SessionExport = typeof SessionExport.Type

/** A file that is no export, or none that this code can read. */
export class InvalidExport extends Schema.TaggedError<InvalidExport>()("InvalidExport", { detail: Schema.String }) {
  override get message(): string {
    return `this is no export of a session: ${this.detail}`
  }
}

const parseJson = Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))
const decode = Schema.decodeUnknownEffect(SessionExport)
const versionOf = Schema.decodeUnknownOption(Schema.Struct({ type: Schema.String, version: Schema.Finite }))

/** Reads an export, and checks it: also that no entry is missing. */
export const parse = Effect.fn("Export.parse")(function* (text: string) {
  const json = yield* Effect.mapError(
    parseJson(text),
    () => new InvalidExport({ detail: "it is not JSON; was it cut off?" })
  )
  const head = versionOf(json)
  if (head._tag === "Some" && head.value.type === "session_export" && head.value.version !== version) {
    const detail = `version: this code reads version ${version}, and it is of version ${head.value.version}`
    return yield* new InvalidExport({ detail })
  }
  const exported = yield* Effect.mapError(decode(json), ({ issue }) => {
    const [{ field, message } = { field: "", message: "" }] = Issue.list(issue, json)
    return new InvalidExport({ detail: `${field || "it"}: ${message}` })
  })
  const { output_config } = exported.session
  const form = output_config && OutputSchema.make(output_config.format.schema)
  if (form && Result.isFailure(form)) {
    const field = Issue.fieldOf(["session", "output_config", "format", "schema", ...form.failure.path])
    return yield* new InvalidExport({ detail: `${field}: ${form.failure.reason}` })
  }
  const at = exported.entries.findIndex(({ seq }, index) => seq !== index + 1)
  if (at === -1) return exported
  return yield* new InvalidExport({ detail: `entries[${at}].seq: expected ${at + 1}` })
})
