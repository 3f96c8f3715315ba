import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import type { SessionRecord } from "../../src/domain/Session.ts"
import { type Checkpoint, type LogEntry, Storage } from "../../src/Storage.ts"
import { Workspace, type WorkspaceChange, type WorkspaceEntry } from "../../src/Workspace.ts"
import * as EventRow from "./EventRow.ts"
import { failed } from "./failed.ts"

/** One session's storage, the catalog and the blobs in memory: for tests, and for running without a Worker. */

interface File {
  readonly entry: WorkspaceEntry
  readonly content: Uint8Array
}

/** Shared by `storage` and `workspace`, so that destroying the one forgets the files of the other. */
class Files extends Context.Service<Files, Map<string, File>>()("ownloop/storage/Memory/Files") {
  static readonly layer = Layer.sync(Files, () => new Map<string, File>())
}

interface Row extends LogEntry {
  readonly createdAt: number
}

const toEntry = ({ seq, event }: Row): LogEntry => ({ seq, event })

export const storage: Layer.Layer<Storage> = Layer.effect(
  Storage,
  Effect.gen(function* () {
    const files = yield* Files
    let record: SessionRecord | undefined
    let checkpoint: Checkpoint | undefined
    let takeOvers = { seq: 0, count: 0 }
    const rows: Array<Row> = []

    return Storage.of({
      record: Effect.sync(() => Option.fromUndefinedOr(record)).pipe(Effect.withSpan("Storage.record")),
      putRecord: Effect.fn("Storage.putRecord")(function* (next) {
        record = next
      }),
      append: Effect.fn("Storage.append")(function* (events) {
        yield* Effect.forEach(events, EventRow.encode, { discard: true })
        const createdAt = yield* Clock.currentTimeMillis
        const added = events.map((event, index): Row => ({ seq: rows.length + index + 1, event, createdAt }))
        rows.push(...added)
        return added.map(toEntry)
      }),
      log: Effect.fn("Storage.log")(function* (after, limit) {
        return rows.slice(after, after + limit).map(toEntry)
      }),
      checkpoint: Effect.sync(() => Option.fromUndefinedOr(checkpoint)).pipe(Effect.withSpan("Storage.checkpoint")),
      putCheckpoint: Effect.fn("Storage.putCheckpoint")(function* (next) {
        checkpoint = next
      }),
      takeOver: Effect.sync(() => {
        const seq = rows.length
        takeOvers = { seq, count: takeOvers.seq === seq ? takeOvers.count + 1 : 1 }
        return takeOvers.count
      }).pipe(Effect.withSpan("Storage.takeOver")),
      events: Effect.fn("Storage.events")(function* ({ after, limit, order, types, createdAt }) {
        const { first, last } = yield* Effect.try({
          try: () => EventRow.period(createdAt),
          catch: failed("Storage.events")
        })
        const latest = new Map(rows.map(({ seq, event }) => [event.id, seq]))
        const found = rows.filter(
          ({ seq, event, createdAt }) =>
            latest.get(event.id) === seq &&
            (types === undefined || types.includes(event.type)) &&
            createdAt >= first &&
            createdAt <= last &&
            (after === undefined || (order === "asc" ? seq > after : seq < after))
        )
        return (order === "asc" ? found : found.toReversed()).slice(0, limit).map(toEntry)
      }),
      destroy: Effect.sync(() => {
        record = undefined
        checkpoint = undefined
        takeOvers = { seq: 0, count: 0 }
        rows.length = 0
        files.clear()
      }).pipe(Effect.withSpan("Storage.destroy"))
    })
  })
).pipe(Layer.provide(Files.layer))

const byPath = Order.mapInput(Order.String, ({ path }: WorkspaceEntry) => path)

export const workspace: Layer.Layer<Workspace> = Layer.effect(
  Workspace,
  Effect.gen(function* () {
    const files = yield* Files
    let version = 0

    const apply = (change: WorkspaceChange) => {
      version += 1
      const put = (entry: Omit<WorkspaceEntry, "version">, content = new Uint8Array()) =>
        files.set(entry.path, { entry: { ...entry, version }, content })
      switch (change.kind) {
        case "delete":
          files.delete(change.path)
          return
        case "directory":
          put({ ...change, size: 0, target: "" })
          return
        case "symlink":
          put({ ...change, size: 0, mode: 0o777 })
          return
        case "file": {
          const { content, ...rest } = change
          put({ ...rest, size: content.length, target: "" }, content.slice())
        }
      }
    }

    return Workspace.of({
      entries: Effect.sync(() => Array.from(files.values(), ({ entry }) => entry).sort(byPath)).pipe(
        Effect.withSpan("Workspace.entries")
      ),
      read: Effect.fn("Workspace.read")(function* (path) {
        return Option.fromUndefinedOr(files.get(path)).pipe(
          Option.filter(({ entry }) => entry.kind === "file"),
          Option.map(({ content }) => content.slice())
        )
      }),
      write: Effect.fn("Workspace.write")(function* (changes) {
        changes.forEach(apply)
      })
    })
  })
).pipe(Layer.provide(Files.layer))

export { layer as blobs } from "./BlobsMemory.ts"
export { layer as catalog } from "./CatalogMemory.ts"
export { layer as vaults } from "./VaultsMemory.ts"
