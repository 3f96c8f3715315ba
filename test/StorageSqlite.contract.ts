import assert from "node:assert/strict"
import { Context, Effect, Option } from "effect"
import * as SessionLogSqlite from "../layers/storage/SessionLogSqlite.ts"
import { Storage } from "../src/Storage.ts"
import { Workspace } from "../src/Workspace.ts"
import { says } from "./Storage.contract.ts"
import type { Contract } from "./support/contract.ts"
import * as records from "./support/records.ts"

/** The Durable Object's storage below the layers, to look at and to spoil what they keep. */
export class ObjectStorage extends Context.Service<ObjectStorage, DurableObjectStorage>()(
  "ownloop/test/StorageSqlite.contract/ObjectStorage"
) {}

/** The runtime keeps tables of its own, whose names begin with an underscore. */
const tables = ObjectStorage.use(({ sql }) =>
  Effect.sync(() => sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_%' ESCAPE '\\'").toArray())
)

const file = { kind: "file", path: "/workspace/a", content: new Uint8Array(8), mode: 0o644, modifiedAt: 1 } as const
const all = { limit: 10, order: "asc" } as const

/** What only the SQLite layers promise, beyond the contracts of `Storage` and `Workspace`. */
export const contract: Contract<Storage | Workspace | ObjectStorage> = {
  "reading a session that was never created leaves nothing behind": Effect.gen(function* () {
    const storage = yield* Storage
    const workspace = yield* Workspace
    yield* storage.record
    yield* storage.log
    yield* storage.events(all)
    yield* workspace.entries
    yield* workspace.read("/workspace/a")
    assert.deepEqual(yield* tables, [])
  }),

  "a session whose object starts again goes on where it was": Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.putRecord(records.record("1"))
    yield* storage.append([says(1), says(2)])
    const restarted = SessionLogSqlite.layer(yield* ObjectStorage)
    yield* Effect.gen(function* () {
      const storage = yield* Storage
      assert.deepEqual(yield* storage.append([says(3)]), [{ seq: 3, event: says(3) }])
      assert.deepEqual(yield* storage.record, Option.some(records.record("1")))
      assert.equal((yield* storage.log).length, 3)
    }).pipe(Effect.provide(restarted))
  }),

  "an append that fails in the middle is undone": Effect.gen(function* () {
    const storage = yield* Storage
    const { sql } = yield* ObjectStorage
    yield* storage.append([says(1)])
    sql.exec(`CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.id = 'sevt_0099'
      BEGIN SELECT RAISE(ABORT, 'refused'); END`)
    const error = yield* Effect.flip(
      storage.append([...Array.from({ length: 40 }, (_, index) => says(index + 2)), says(99)])
    )
    assert.equal(error.message, "storage failed: Storage.append")
    assert.deepEqual(yield* storage.append([says(4)]), [{ seq: 2, event: says(4) }])
    assert.equal((yield* storage.log).length, 2)
  }),

  "a write of files that fails in the middle is undone": Effect.gen(function* () {
    const workspace = yield* Workspace
    const { sql } = yield* ObjectStorage
    yield* workspace.write([file])
    const before = yield* workspace.entries
    sql.exec(`CREATE TRIGGER refuse BEFORE INSERT ON files WHEN NEW.path = '/workspace/c'
      BEGIN SELECT RAISE(ABORT, 'refused'); END`)
    yield* Effect.flip(
      workspace.write([
        { kind: "delete", path: "/workspace/a" },
        { ...file, path: "/workspace/b" },
        { ...file, path: "/workspace/c" }
      ])
    )
    assert.deepEqual(yield* workspace.entries, before)
    assert.deepEqual(yield* workspace.read("/workspace/a"), Option.some(file.content))
  }),

  "a row that is not an event is an error that names its place": Effect.gen(function* () {
    const storage = yield* Storage
    const { sql } = yield* ObjectStorage
    yield* storage.append([says(1), says(2), says(3)])
    sql.exec(`UPDATE events SET body = '{"type":"agent.message"}' WHERE seq = 2`)
    assert.equal((yield* Effect.flip(storage.log)).message, "storage failed: read event 2")
    assert.equal((yield* Effect.flip(storage.events(all))).message, "storage failed: read event 2")
    assert.deepEqual(yield* storage.events({ ...all, after: 2 }), [{ seq: 3, event: says(3) }])
  }),

  "tables of a later version are left alone": Effect.gen(function* () {
    const storage = yield* Storage
    const workspace = yield* Workspace
    const object = yield* ObjectStorage
    yield* storage.append([says(1)])
    object.sql.exec("UPDATE schema_version SET version = 1000")
    yield* Effect.flip(workspace.write([file]))
    const restarted = SessionLogSqlite.layer(object)
    yield* Effect.gen(function* () {
      const storage = yield* Storage
      yield* Effect.flip(storage.record)
      yield* Effect.flip(storage.append([says(2)]))
    }).pipe(Effect.provide(restarted))
    assert.deepEqual(object.sql.exec("SELECT count(*) AS events FROM events").one(), { events: 1 })
  }),

  "destroying leaves no table and no alarm": Effect.gen(function* () {
    const storage = yield* Storage
    const workspace = yield* Workspace
    const object = yield* ObjectStorage
    yield* storage.putRecord(records.record("1"))
    yield* storage.append([says(1)])
    yield* workspace.write([file])
    yield* Effect.promise(() => object.setAlarm(Date.now() + 3_600_000))
    yield* storage.destroy
    assert.deepEqual(yield* tables, [])
    assert.equal(yield* Effect.promise(() => object.getAlarm()), null)
    assert.deepEqual(yield* workspace.read("/workspace/a"), Option.none())
  })
}
