import assert from "node:assert/strict"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { EventId } from "../src/domain/Ids.ts"
import type { SessionEvent } from "../src/domain/Event.ts"
import { type EventQuery, type LogEntry, Storage, StorageError } from "../src/Storage.ts"
import { Workspace } from "../src/Workspace.ts"
import type { Contract } from "./support/contract.ts"
import * as records from "./support/records.ts"

const time = "2026-11-22T16:42:00.000Z"
const eventId = (n: number) => EventId.make(`sevt_${String(n).padStart(4, "0")}`)

export const says = (n: number, text = `message ${n}`): SessionEvent => ({
  id: eventId(n),
  type: "agent.message",
  processed_at: time,
  content: [{ type: "text", text }]
})

const asks = (n: number, processed_at: string | null): SessionEvent => ({
  id: eventId(n),
  type: "user.message",
  processed_at,
  content: [{ type: "text", text: `question ${n}` }]
})

const runs = (n: number): SessionEvent => ({ id: eventId(n), type: "session.status_running", processed_at: time })

const uses = (n: number): SessionEvent => ({
  id: eventId(n),
  type: "agent.tool_use",
  processed_at: time,
  name: "bash",
  input: { command: "printf 'zwölf 🐈\\n\\u0000'", nested: [1, null, { deep: true }] },
  evaluated_permission: "allow"
})

/** The whole log, read in pages of this size. */
export const readLog = Effect.fn(function* (limit: number) {
  const storage = yield* Storage
  const found: Array<LogEntry> = []
  while (true) {
    const page = yield* storage.log(found.at(-1)?.seq ?? 0, limit)
    assert.ok(page.length <= limit)
    if (page.length === 0) return found
    found.push(...page)
  }
})

/** Pages through everything that a query answers. */
const walk = Effect.fn(function* (query: EventQuery) {
  const storage = yield* Storage
  const found: Array<LogEntry> = []
  while (true) {
    const after = found.at(-1)?.seq ?? query.after
    const page = yield* storage.events({ ...query, ...(after === undefined ? {} : { after }) })
    assert.ok(page.length <= query.limit)
    if (page.length === 0) return found
    found.push(...page)
  }
})

const seqs = (query: EventQuery) =>
  Storage.pipe(
    Effect.flatMap((storage) => storage.events(query)),
    Effect.map((entries) => entries.map(({ seq }) => seq))
  )

const all = { limit: 1_000, order: "asc" } as const

export const contract: Contract<Storage | Workspace> = {
  "a session that was never created has no record, no events and no checkpoint": Effect.gen(function* () {
    const storage = yield* Storage
    assert.deepEqual(yield* storage.record, Option.none())
    assert.deepEqual(yield* storage.log(0, 1_000), [])
    assert.deepEqual(yield* storage.checkpoint, Option.none())
    assert.deepEqual(yield* storage.events(all), [])
  }),

  "a record is kept, and replaced": Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.putRecord(records.record("1"))
    const changed = records.record("1", { title: "Zwölf 🐈", metadata: { a: "b" } })
    yield* storage.putRecord(changed)
    assert.deepEqual(yield* storage.record, Option.some(changed))
    assert.deepEqual(yield* storage.log(0, 1_000), [])
  }),

  "events come back whole, in the order they were appended, numbered from 1 without gaps": Effect.gen(function* () {
    const storage = yield* Storage
    const batches = [[asks(1, time), runs(2)], [says(3)], [], [uses(4), says(5), uses(6)]]
    const answered = yield* Effect.forEach(batches, (events) => storage.append(events))
    const expected = batches.flat().map((event, index) => ({ seq: index + 1, event }))
    assert.deepEqual(answered.flat(), expected)
    assert.deepEqual(yield* storage.log(0, 1_000), expected)
    assert.deepEqual(yield* storage.events(all), expected)
  }),

  "an append that fails writes none of its events": Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.append([says(1)])
    const error = yield* Effect.flip(storage.append([says(2), says(3, "x".repeat(2_000_000))]))
    assert.ok(error instanceof StorageError)
    yield* storage.append([says(4)])
    assert.deepEqual(yield* storage.log(0, 1_000), [
      { seq: 1, event: says(1) },
      { seq: 2, event: says(4) }
    ])
  }),

  "the size of an event counts in bytes": Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.append([says(1, "x".repeat(1_900_000))])
    yield* Effect.flip(storage.append([says(2, "ö".repeat(1_000_000))]))
    assert.deepEqual(
      (yield* storage.log(0, 1_000)).map(({ event }) => event.id),
      [eventId(1)]
    )
  }),

  "pages of any size, in both directions, join to the whole": Effect.gen(function* () {
    const storage = yield* Storage
    const whole = yield* storage.append(Array.from({ length: 23 }, (_, index) => says(index + 1)))
    for (const limit of [1, 2, 7, 22, 23, 24]) {
      assert.deepEqual(yield* walk({ limit, order: "asc" }), whole)
      assert.deepEqual(yield* walk({ limit, order: "desc" }), whole.toReversed())
      assert.deepEqual(yield* walk({ limit, order: "asc", after: 5 }), whole.slice(5))
      assert.deepEqual(yield* walk({ limit, order: "desc", after: 5 }), whole.slice(0, 4).toReversed())
    }
  }),

  "only the types asked for": Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.append([asks(1, time), runs(2), says(3), uses(4), says(5)])
    assert.deepEqual(yield* seqs({ ...all, types: ["agent.message"] }), [3, 5])
    assert.deepEqual(yield* seqs({ ...all, types: ["agent.tool_use", "user.message"], order: "desc" }), [4, 1])
    assert.deepEqual(yield* seqs({ ...all, types: ["agent.message"], limit: 1, after: 3 }), [5])
    assert.deepEqual(yield* seqs({ ...all, types: ["session.error"] }), [])
    assert.deepEqual(yield* seqs({ ...all, types: [] }), [])
  }),

  "bounds on the time of writing": Effect.gen(function* () {
    const storage = yield* Storage
    yield* TestClock.setTime(Date.parse("2026-11-22T10:00:00.000Z"))
    for (const n of [1, 2, 3]) {
      yield* storage.append([says(n)])
      yield* TestClock.adjust("1 second")
    }
    const second = "2026-11-22T10:00:01.000Z"
    assert.deepEqual(yield* seqs({ ...all, createdAt: { gt: second } }), [3])
    assert.deepEqual(yield* seqs({ ...all, createdAt: { gte: second } }), [2, 3])
    assert.deepEqual(yield* seqs({ ...all, createdAt: { lt: second } }), [1])
    assert.deepEqual(yield* seqs({ ...all, createdAt: { lte: second }, order: "desc" }), [2, 1])
    assert.deepEqual(yield* seqs({ ...all, createdAt: { gte: second, lte: second } }), [2])
    assert.deepEqual(yield* seqs({ ...all, createdAt: { gt: second, lt: second } }), [])
    // The same instant, written otherwise.
    assert.deepEqual(yield* seqs({ ...all, createdAt: { gt: "2026-11-22T11:00:01+01:00" } }), [3])
    yield* Effect.flip(storage.events({ ...all, createdAt: { gt: "yesterday" } }))
  }).pipe(Effect.provide(TestClock.layer())),

  "an event taken in after it was queued is answered once, as it stands now": Effect.gen(function* () {
    const storage = yield* Storage
    const queued = [asks(1, null), asks(2, null)]
    yield* storage.append([...queued, says(3)])
    assert.deepEqual(yield* seqs(all), [1, 2, 3])
    yield* storage.append([asks(1, time), says(4)])

    const now = [
      { seq: 2, event: asks(2, null) },
      { seq: 3, event: says(3) },
      { seq: 4, event: asks(1, time) },
      { seq: 5, event: says(4) }
    ]
    for (const limit of [1, 2, 10]) {
      assert.deepEqual(yield* walk({ limit, order: "asc" }), now)
      assert.deepEqual(yield* walk({ limit, order: "desc" }), now.toReversed())
    }
    assert.deepEqual(yield* seqs({ ...all, types: ["user.message"] }), [2, 4])
    assert.deepEqual(
      (yield* storage.log(0, 1_000)).map(({ event }) => event),
      [...queued, says(3), asks(1, time), says(4)]
    )
  }),

  "the log is read in pages of any size, without gaps, each event as it was logged": Effect.gen(function* () {
    const storage = yield* Storage
    const whole = [
      ...(yield* storage.append([asks(1, null), runs(2), says(3)])),
      ...(yield* storage.append([asks(1, time), ...Array.from({ length: 19 }, (_, index) => says(index + 4))]))
    ]
    for (const limit of [1, 2, 7, 22, 23, 24]) assert.deepEqual(yield* readLog(limit), whole)
    assert.deepEqual(yield* storage.log(5, 3), whole.slice(5, 8))
    assert.deepEqual(yield* storage.log(22, 3), whole.slice(22))
    assert.deepEqual(yield* storage.log(23, 3), [])
    assert.deepEqual(yield* storage.log(1_000, 3), [])
  }),

  "a checkpoint is kept as it is, and replaced": Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.append([says(1), says(2)])
    for (const checkpoint of [
      { seq: 1, body: "{}" },
      { seq: 2, body: "\uFEFFzwölf 🐈\u0000\n" },
      { seq: 2, body: "" }
    ]) {
      yield* storage.putCheckpoint(checkpoint)
      assert.deepEqual(yield* storage.checkpoint, Option.some(checkpoint))
    }
    assert.equal((yield* storage.log(0, 10)).length, 2)
  }),

  "a checkpoint can be of any size": Effect.gen(function* () {
    const storage = yield* Storage
    // Of 4 bytes each after one of 1, so that wherever the bytes are cut, a character is.
    const cats = (count: number) => `a${"🐈".repeat(count)}`
    const sizes = [2_000_000, 300_000, 1, 1_200_000]
    for (const [seq, size] of sizes.entries()) {
      yield* storage.putCheckpoint({ seq, body: cats(size) })
      const kept = Option.getOrThrow(yield* storage.checkpoint)
      assert.equal(kept.seq, seq)
      // Not `equal`, which would print both.
      assert.ok(kept.body === cats(size), `${size} characters`)
    }
  }),

  "takeovers are counted from the last append": Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.append([says(1)])
    assert.equal(yield* storage.takeOver, 1)
    assert.equal(yield* storage.takeOver, 2)
    yield* storage.putRecord(records.record("1"))
    yield* storage.putCheckpoint({ seq: 1, body: "{}" })
    assert.equal(yield* storage.takeOver, 3)
    yield* storage.append([says(2)])
    assert.equal(yield* storage.takeOver, 1)
    assert.equal(yield* storage.takeOver, 2)
    yield* storage.append([says(3), says(4)])
    yield* storage.append([says(5)])
    assert.equal(yield* storage.takeOver, 1)
  }),

  "destroying forgets everything, files included, and the session can begin anew": Effect.gen(function* () {
    const storage = yield* Storage
    const workspace = yield* Workspace
    yield* storage.putRecord(records.record("1"))
    yield* storage.append([says(1), says(2)])
    yield* storage.putCheckpoint({ seq: 2, body: "{}" })
    yield* storage.takeOver
    yield* workspace.write([
      { kind: "file", path: "/workspace/a", content: new Uint8Array([1]), mode: 0o644, modifiedAt: 1 }
    ])
    yield* storage.destroy
    assert.deepEqual(yield* storage.record, Option.none())
    assert.deepEqual(yield* storage.log(0, 1_000), [])
    assert.deepEqual(yield* storage.checkpoint, Option.none())
    assert.deepEqual(yield* workspace.entries, [])
    assert.deepEqual(yield* storage.append([says(3), says(4)]), [
      { seq: 1, event: says(3) },
      { seq: 2, event: says(4) }
    ])
    assert.equal(yield* storage.takeOver, 1)
    assert.deepEqual(yield* storage.record, Option.none())
  })
}
