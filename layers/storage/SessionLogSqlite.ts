import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SessionEvent } from "../../src/domain/Event.ts"
import { SessionRecord } from "../../src/domain/Session.ts"
import { type Checkpoint, type EventQuery, type LogEntry, Storage } from "../../src/Storage.ts"
import * as CheckpointRows from "./CheckpointRows.ts"
import * as EventRow from "./EventRow.ts"
import { failed } from "./failed.ts"
import * as SessionTables from "./SessionTables.ts"

type Row = { readonly seq: number; readonly body: string }

const RecordJson = Schema.fromJsonString(SessionRecord)
const encodeRecord = Schema.encodeEffect(RecordJson)
const decodeRecord = Schema.decodeEffect(RecordJson)

// An event is superseded by a later one of its id; both halves repeat the index's condition so that SQLite uses it.
const page = (order: "asc" | "desc") => `
  SELECT seq, body FROM events AS e
  WHERE seq > ? AND seq < ? AND created_at BETWEEN ? AND ?
    AND (? OR type IN (SELECT value FROM json_each(?)))
    AND NOT (type GLOB 'user.*' AND EXISTS (
      SELECT 1 FROM events AS later WHERE later.type GLOB 'user.*' AND later.id = e.id AND later.seq > e.seq
    ))
  ORDER BY seq ${order} LIMIT ?`
const pages = { asc: page("asc"), desc: page("desc") }

const countTakeOver = `
  INSERT INTO takeovers VALUES (1, ?, 1)
  ON CONFLICT (one) DO UPDATE SET count = iif(seq = excluded.seq, count + 1, 1), seq = excluded.seq
  RETURNING count`

/** One statement takes at most 100 values. One for many rows costs less than half of many for one. */
const rowsPerInsert = 20

const make = (storage: DurableObjectStorage): Storage["Service"] => {
  const { sql } = storage

  /** The next event's place; undefined while the tables are not known to exist. */
  let next: number | undefined

  const findNext = () => sql.exec<{ next: number }>("SELECT coalesce(max(seq), 0) + 1 AS next FROM events").one().next

  const exists = () => {
    if (next === undefined && SessionTables.open(storage)) next = findNext()
    return next !== undefined
  }

  const create = () => {
    if (next === undefined) {
      SessionTables.create(storage)
      next = findNext()
    }
    return next
  }

  const rows = <R extends Record<string, SqlStorageValue>>(
    operation: string,
    query: string,
    bindings: () => ReadonlyArray<unknown>
  ) =>
    Effect.try({
      try: () => (exists() ? sql.exec<R>(query, ...bindings()).toArray() : []),
      catch: failed(operation)
    })

  const record = Effect.gen(function* () {
    const [row] = yield* rows<{ body: string }>("Storage.record", "SELECT body FROM session", () => [])
    if (row === undefined) return Option.none()
    return Option.some(yield* Effect.mapError(decodeRecord(row.body), failed("Storage.record")))
  }).pipe(Effect.withSpan("Storage.record"))

  const putRecord = Effect.fn("Storage.putRecord")(function* (record: SessionRecord) {
    const body = yield* Effect.mapError(encodeRecord(record), failed("Storage.putRecord"))
    yield* Effect.try({
      try: () => {
        create()
        sql.exec("INSERT OR REPLACE INTO session VALUES (1, ?)", body)
      },
      catch: failed("Storage.putRecord")
    })
  })

  const append = Effect.fn("Storage.append")(function* (events: ReadonlyArray<SessionEvent>) {
    const bodies = yield* Effect.forEach(events, EventRow.encode)
    const createdAt = yield* Clock.currentTimeMillis
    return yield* Effect.try({
      try: () => {
        const first = create()
        const entries = events.map((event, index): LogEntry => ({ seq: first + index, event }))
        const values = entries.map(({ seq, event }, index) => [seq, event.id, event.type, createdAt, bodies[index]])
        storage.transactionSync(() => {
          for (const some of Array.chunksOf(values, rowsPerInsert)) {
            sql.exec(`INSERT INTO events VALUES ${some.map(() => "(?, ?, ?, ?, ?)").join(", ")}`, ...some.flat())
          }
        })
        next = first + entries.length
        return entries
      },
      catch: failed("Storage.append")
    })
  })

  const log = Effect.fn("Storage.log")(function* (after: number, limit: number) {
    const found = yield* rows<Row>(
      "Storage.log",
      "SELECT seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
      () => [after, limit]
    )
    return yield* Effect.forEach(found, EventRow.decode)
  })

  const checkpoint = Effect.try({
    try: () => (exists() ? CheckpointRows.read(sql) : Option.none()),
    catch: failed("Storage.checkpoint")
  }).pipe(Effect.withSpan("Storage.checkpoint"))

  const putCheckpoint = Effect.fn("Storage.putCheckpoint")((checkpoint: Checkpoint) =>
    Effect.try({
      try: () => {
        create()
        CheckpointRows.write(storage, checkpoint)
      },
      catch: failed("Storage.putCheckpoint")
    })
  )

  const takeOver = Effect.tryPromise({
    try: async () => {
      const { count } = sql.exec<{ count: number }>(countTakeOver, create() - 1).one()
      // On disk before it is answered: what this process does next may be what killed the one before it.
      await storage.sync()
      return count
    },
    catch: failed("Storage.takeOver")
  }).pipe(Effect.withSpan("Storage.takeOver"))

  const events = Effect.fn("Storage.events")(function* ({ after, limit, order, types, createdAt }: EventQuery) {
    const found = yield* rows<Row>("Storage.events", pages[order], () => {
      const { first, last } = EventRow.period(createdAt)
      return [
        order === "asc" ? (after ?? -Infinity) : -Infinity,
        order === "desc" ? (after ?? Infinity) : Infinity,
        first,
        last,
        types === undefined ? 1 : 0,
        JSON.stringify(types ?? []),
        limit
      ]
    })
    return yield* Effect.forEach(found, EventRow.decode)
  })

  const destroy = Effect.tryPromise({
    try: () => {
      next = undefined
      // Asked for in one go, so that they become durable together.
      return Promise.all([storage.deleteAlarm(), storage.deleteAll()])
    },
    catch: failed("Storage.destroy")
  }).pipe(Effect.asVoid, Effect.withSpan("Storage.destroy"))

  return Storage.of({ record, putRecord, append, log, checkpoint, putCheckpoint, takeOver, events, destroy })
}

/** A session's record and log in the SQLite of its own Durable Object. */
export const layer = (storage: DurableObjectStorage): Layer.Layer<Storage> => Layer.sync(Storage, () => make(storage))
