import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Workspace, type WorkspaceChange, type WorkspaceEntry } from "../../src/Workspace.ts"
import { failed } from "./failed.ts"
import * as SessionTables from "./SessionTables.ts"

/** Bytes: well below the 2 MB that a row can hold. */
const chunkSize = 512 * 1024

const remove = (sql: SqlStorage, path: string) => {
  sql.exec("DELETE FROM chunks WHERE version = (SELECT version FROM files WHERE path = ?)", path)
  sql.exec("DELETE FROM files WHERE path = ?", path)
}

const insert = (sql: SqlStorage, { path, kind, size, mode, modifiedAt, target }: Omit<WorkspaceEntry, "version">) =>
  sql
    .exec<{ version: number }>(
      `INSERT INTO files (path, kind, size, mode, modified_at, target) VALUES (?, ?, ?, ?, ?, ?) RETURNING version`,
      path,
      kind,
      size,
      mode,
      modifiedAt,
      target
    )
    .one().version

const apply = (sql: SqlStorage, change: WorkspaceChange) => {
  remove(sql, change.path)
  switch (change.kind) {
    case "delete":
      return
    case "directory":
      insert(sql, { ...change, size: 0, target: "" })
      return
    case "symlink":
      insert(sql, { ...change, size: 0, mode: 0o777 })
      return
    case "file": {
      const { content } = change
      const version = insert(sql, { ...change, size: content.length, target: "" })
      for (let start = 0; start < content.length; start += chunkSize) {
        sql.exec("INSERT INTO chunks VALUES (?, ?, ?)", version, start, content.subarray(start, start + chunkSize))
      }
    }
  }
}

const contentOf = (sql: SqlStorage, path: string): Option.Option<Uint8Array> => {
  const [file] = sql
    .exec<{ version: number; size: number }>("SELECT version, size FROM files WHERE path = ? AND kind = 'file'", path)
    .toArray()
  if (file === undefined) return Option.none()
  const content = new Uint8Array(file.size)
  for (const chunk of sql.exec<{ start: number; content: ArrayBuffer }>(
    "SELECT start, content FROM chunks WHERE version = ? ORDER BY start",
    file.version
  )) {
    content.set(new Uint8Array(chunk.content), chunk.start)
  }
  return Option.some(content)
}

const make = (storage: DurableObjectStorage): Workspace["Service"] => {
  const { sql } = storage
  // The tables are looked for every time: destroying the session's storage takes them away.
  return Workspace.of({
    entries: Effect.try({
      try: (): ReadonlyArray<WorkspaceEntry> =>
        SessionTables.open(storage)
          ? sql
              .exec<WorkspaceEntry & Record<string, SqlStorageValue>>(
                "SELECT path, kind, size, mode, modified_at AS modifiedAt, target, version FROM files ORDER BY path"
              )
              .toArray()
          : [],
      catch: failed("Workspace.entries")
    }).pipe(Effect.withSpan("Workspace.entries")),
    read: Effect.fn("Workspace.read")((path) =>
      Effect.try({
        try: () => (SessionTables.open(storage) ? contentOf(sql, path) : Option.none()),
        catch: failed("Workspace.read")
      })
    ),
    write: Effect.fn("Workspace.write")((changes) =>
      Effect.try({
        try: () => {
          SessionTables.create(storage)
          storage.transactionSync(() => changes.forEach((change) => apply(sql, change)))
        },
        catch: failed("Workspace.write")
      })
    )
  })
}

/** A session's files in the SQLite of its own Durable Object, in chunks beside its log. */
export const layer = (storage: DurableObjectStorage): Layer.Layer<Workspace> =>
  Layer.sync(Workspace, () => make(storage))
