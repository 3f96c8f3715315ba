import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SessionEvent } from "../../src/domain/Event.ts"
import { type EventQuery, type LogEntry, StorageError } from "../../src/Storage.ts"
import { failed } from "./failed.ts"

/** Bytes of one event as JSON: a Durable Object's row holds 2 MB, other columns included. */
export const maxBytes = 1_990_000

const Json = Schema.fromJsonString(SessionEvent)
const decodeJson = Schema.decodeEffect(Json)
const utf8 = new TextEncoder()

export const encode = Effect.fnUntraced(function* (event: SessionEvent) {
  // An event is JSON as it is: its schema has no transformations, and is asked when a row is read.
  const body = JSON.stringify(event)
  // A UTF-16 unit is at most 3 bytes of UTF-8, so only long bodies need to be measured.
  if (body.length * 3 > maxBytes && utf8.encode(body).length > maxBytes) {
    const cause = new Error(`the event is larger than ${maxBytes} bytes`)
    return yield* new StorageError({ operation: `append ${event.id}`, cause })
  }
  return body
})

export const decode = Effect.fnUntraced(function* (row: { readonly seq: number; readonly body: string }) {
  const event = yield* Effect.mapError(decodeJson(row.body), failed(`read event ${row.seq}`))
  const entry: LogEntry = { seq: row.seq, event }
  return entry
})

const millis = (timestamp: string) => DateTime.toEpochMillis(DateTime.makeUnsafe(timestamp))

/** The bounds as the first and the last millisecond within them. Throws where one of them is not a timestamp. */
export const period = ({ gt, gte, lt, lte }: NonNullable<EventQuery["createdAt"]> = {}) => ({
  first: Math.max(gt === undefined ? -Infinity : millis(gt) + 1, gte === undefined ? -Infinity : millis(gte)),
  last: Math.min(lt === undefined ? Infinity : millis(lt) - 1, lte === undefined ? Infinity : millis(lte))
})
