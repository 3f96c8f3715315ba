import assert from "node:assert/strict"
import { Context, Effect, Option, Struct } from "effect"
import * as AlarmObject from "../layers/storage/Alarm.ts"
import * as SessionLogSqlite from "../layers/storage/SessionLogSqlite.ts"
import { Alarm } from "../src/Alarm.ts"
import { Storage } from "../src/Storage.ts"
import { Workspace } from "../src/Workspace.ts"
import { says } from "./Storage.contract.ts"
import type { Contract } from "./support/contract.ts"
import * as records from "./support/records.ts"

/** The Durable Object's storage below the layers, to look at and to spoil what they keep. */
export class ObjectStorage extends Context.Service<ObjectStorage, DurableObjectStorage>()(
  "ownloop/test/StorageSqlite.contract/ObjectStorage"
) {}

/** Ends the object at once, as when its process dies. */
export class Death extends Context.Service<Death, Effect.Effect<void>>()("ownloop/test/StorageSqlite.contract/Death") {}

/** The runtime keeps tables of its own, whose names begin with an underscore. */
const tables = ObjectStorage.use(({ sql }) =>
  Effect.sync(() =>
    sql.exec("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name").toArray()
  )
)

/** What the first release made of a new object. */
const firstVersion = `
  CREATE TABLE schema_version (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
  CREATE TABLE session (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
  );
  CREATE INDEX events_input ON events (id) WHERE type GLOB 'user.*';
  CREATE TABLE files (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    target TEXT NOT NULL
  );
  CREATE TABLE chunks (
    version INTEGER NOT NULL,
    start INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (version, start)
  );
  INSERT INTO schema_version VALUES (1, 1);`

const file = { kind: "file", path: "/workspace/a", content: new Uint8Array(8), mode: 0o644, modifiedAt: 1 } as const
const all = { limit: 10, order: "asc" } as const

/** What only the SQLite layers promise, beyond the contracts of `Storage` and `Workspace`. */
export const contract: Contract<Storage | Workspace | ObjectStorage> = {
  "reading a session that was never created leaves nothing behind": Effect.gen(function* () {
    const storage = yield* Storage
    const workspace = yield* Workspace
    yield* storage.record
    yield* storage.log(0, 10)
    yield* storage.checkpoint
    yield* storage.events(all)
    yield* workspace.entries
    yield* workspace.read("/workspace/a")
    assert.deepEqual(yield* tables, [])
  }),

  "a session whose object starts again goes on where it was": Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.putRecord(records.record("1"))
    yield* storage.append([says(1), says(2)])
    yield* storage.putCheckpoint({ seq: 2, body: "{}" })
    yield* storage.takeOver
    const restarted = SessionLogSqlite.layer(yield* ObjectStorage)
    yield* Effect.gen(function* () {
      const storage = yield* Storage
      assert.equal(yield* storage.takeOver, 2)
      assert.deepEqual(yield* storage.append([says(3)]), [{ seq: 3, event: says(3) }])
      assert.deepEqual(yield* storage.checkpoint, Option.some({ seq: 2, body: "{}" }))
      assert.deepEqual(yield* storage.record, Option.some(records.record("1")))
      assert.equal((yield* storage.log(0, 100)).length, 3)
    }).pipe(Effect.provide(restarted))
    const again = SessionLogSqlite.layer(yield* ObjectStorage)
    assert.equal(
      yield* Effect.provide(
        Storage.use(({ takeOver }) => takeOver),
        again
      ),
      1
    )
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
    assert.equal((yield* storage.log(0, 100)).length, 2)
  }),

  "a checkpoint whose writing fails in the middle leaves the earlier one whole": Effect.gen(function* () {
    const storage = yield* Storage
    const { sql } = yield* ObjectStorage
    const earlier = { seq: 1, body: "a".repeat(3_000_000) }
    yield* storage.putCheckpoint(earlier)
    sql.exec(`CREATE TRIGGER refuse BEFORE INSERT ON checkpoint WHEN NEW.part = 2
      BEGIN SELECT RAISE(ABORT, 'refused'); END`)
    const error = yield* Effect.flip(storage.putCheckpoint({ seq: 2, body: "b".repeat(3_000_000) }))
    assert.equal(error.message, "storage failed: Storage.putCheckpoint")
    const kept = Option.getOrThrow(yield* storage.checkpoint)
    assert.equal(kept.seq, 1)
    assert.ok(kept.body === earlier.body)
  }),

  "no row of a checkpoint is larger than the platform allows": Effect.gen(function* () {
    const storage = yield* Storage
    const { sql } = yield* ObjectStorage
    yield* storage.putCheckpoint({ seq: 1, body: "🐈".repeat(2_000_000) })
    const { bytes, largest } = sql
      .exec("SELECT sum(length(body)) AS bytes, max(length(body)) AS largest FROM checkpoint")
      .one()
    assert.equal(bytes, 8_000_000)
    assert.ok(Number(largest) < 1_999_000)
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
    assert.equal((yield* Effect.flip(storage.log(0, 100))).message, "storage failed: read event 2")
    assert.equal((yield* Effect.flip(storage.events(all))).message, "storage failed: read event 2")
    assert.deepEqual(yield* storage.events({ ...all, after: 2 }), [{ seq: 3, event: says(3) }])
  }),

  "an object of the first version is brought up to date when it is opened": Effect.gen(function* () {
    const object = yield* ObjectStorage
    object.sql.exec(firstVersion)
    object.sql.exec("INSERT INTO session VALUES (1, ?)", JSON.stringify(Struct.omit(records.record("1"), ["budget"])))
    object.sql.exec("INSERT INTO events VALUES (1, ?, ?, 0, ?)", says(1).id, says(1).type, JSON.stringify(says(1)))

    const storage = yield* Storage
    assert.deepEqual(yield* storage.record, Option.some(records.record("1")))
    assert.deepEqual(yield* storage.checkpoint, Option.none())
    yield* storage.putCheckpoint({ seq: 1, body: "{}" })
    assert.deepEqual(yield* storage.checkpoint, Option.some({ seq: 1, body: "{}" }))
    assert.equal(yield* storage.takeOver, 1)
    assert.deepEqual(yield* storage.append([says(2)]), [{ seq: 2, event: says(2) }])
    assert.deepEqual(yield* storage.log(0, 10), [
      { seq: 1, event: says(1) },
      { seq: 2, event: says(2) }
    ])

    const migrated = yield* tables
    yield* storage.destroy
    yield* storage.append([says(1)])
    assert.deepEqual(migrated, yield* tables)
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

  "the alarm stands where it was set last, until it is cleared": Effect.gen(function* () {
    const object = yield* ObjectStorage
    const standing = Effect.promise(() => object.getAlarm())
    const at = Date.now() + 3_600_000
    yield* Effect.gen(function* () {
      const alarm = yield* Alarm
      yield* alarm.set(at)
      assert.equal(yield* standing, at)
      yield* alarm.set(at - 1_000)
      assert.equal(yield* standing, at - 1_000)
      yield* alarm.clear
      assert.equal(yield* standing, null)
    }).pipe(Effect.provide(AlarmObject.layer(object)))
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

/** Each is run in a new object over the same storage until it does not die any more. */
export const deaths: Contract<Storage | Death> = {
  "a takeover counts although the object dies right after it": Effect.gen(function* () {
    const storage = yield* Storage
    if ((yield* storage.takeOver) === 1) yield* yield* Death
  })
}
