import assert from "node:assert/strict"
import { Effect, Option } from "effect"
import { Catalog } from "../src/Catalog.ts"
import { Deliveries } from "../src/Deliveries.ts"
import { SessionId } from "../src/domain/Ids.ts"
import { openStatuses, type Task } from "../src/domain/Task.ts"
import { Tasks } from "../src/Tasks.ts"
import { emptyOutcome, reply } from "../src/triggers/messages.ts"
import type { Contract } from "./support/contract.ts"
import { delivery, letter, session, sweep, task } from "./support/records.ts"

const at = (second: number) => new Date(Date.UTC(2026, 10, 24, 12, 0, second)).toISOString()
const sesn = (id: string) => SessionId.make(`sesn_${id}`)
const limits = { concurrency: 3, concurrencyPerAgent: 2 }
const all = { limit: 100 }

const ids = Effect.map((items: ReadonlyArray<{ readonly id: string }>) => items.map(({ id }) => id))
const of = (agent: string): Pick<Task, "agent"> => ({ agent: { type: "agent", id: `agent_${agent}`, version: null } })

/** Claims until nothing can be, and answers which tasks were. */
const claimAll = (prefix: string, second: number) =>
  Effect.gen(function* () {
    const tasks = yield* Tasks
    const claimed: Array<string> = []
    while (true) {
      const next = yield* tasks.claim(sesn(`${prefix}${claimed.length}`), limits, at(second))
      if (Option.isNone(next)) return claimed
      claimed.push(next.value.id)
    }
  })

export const contract: Contract<Tasks | Deliveries | Catalog> = {
  "one key is one task, which is answered as it was first": Effect.gen(function* () {
    const tasks = yield* Tasks
    const first = task("1", { idempotency_key: "same" })
    assert.deepEqual(yield* tasks.add(first), first)
    assert.deepEqual(yield* tasks.add(task("2", { idempotency_key: "same" })), first)
    assert.deepEqual(yield* tasks.task(task("2").id), Option.none())
    assert.deepEqual(yield* tasks.task(first.id), Option.some(first))
  }),

  "tasks are listed newest first, by status and agent, without what they were told": Effect.gen(function* () {
    const tasks = yield* Tasks
    for (const id of ["1", "2", "3"]) yield* tasks.add(task(id, of(id === "2" ? "b" : "a")))
    yield* tasks.claim(sesn("1"), limits, at(1))
    assert.deepEqual(yield* ids(tasks.tasks(all)), ["task_3", "task_2", "task_1"])
    assert.deepEqual(yield* ids(tasks.tasks({ limit: 1, after: "task_3" })), ["task_2"])
    assert.deepEqual(yield* ids(tasks.tasks({ ...all, agentId: "agent_a" })), ["task_3", "task_1"])
    assert.deepEqual(yield* ids(tasks.tasks({ ...all, statuses: ["claimed"] })), ["task_1"])
    assert.deepEqual(yield* ids(tasks.tasks({ ...all, statuses: ["claimed", "queued"], agentId: "agent_b" })), [
      "task_2"
    ])
    const [shown] = yield* tasks.tasks(all)
    assert.equal(shown?.initial_events, undefined)
  }),

  "one that goes on with a session is given that session": Effect.gen(function* () {
    const tasks = yield* Tasks
    yield* tasks.add(task("1", { continues: sesn("thread") }))
    yield* tasks.add(task("2", { continues: sesn("thread") }))
    yield* claimAll("x", 1)
    for (const id of ["1", "2"]) {
      assert.equal(Option.getOrThrow(yield* tasks.task(task(id).id)).session_id, "sesn_thread")
    }
  }),

  "the oldest that the limits let start is claimed, once": Effect.gen(function* () {
    const tasks = yield* Tasks
    for (const [id, agent] of [
      ["1", "a"],
      ["2", "a"],
      ["3", "a"],
      ["4", "b"],
      ["5", "b"],
      ["6", "c"]
    ] as const) {
      yield* tasks.add(task(id, of(agent)))
    }
    // Two of a are as many as it may have, and three as many as there may be.
    assert.deepEqual(yield* claimAll("x", 1), ["task_1", "task_2", "task_4"])
    const claimed = Option.getOrThrow(yield* tasks.task(task("4").id))
    assert.equal(claimed.status, "claimed")
    assert.equal(claimed.session_id, "sesn_x2")
    assert.deepEqual(
      claimed.transitions.map(({ status, at }) => [status, at]),
      [
        ["queued", task("4").created_at],
        ["claimed", at(1)]
      ]
    )
    // One that waits leaves its place to the next, which is the oldest again.
    yield* tasks.change({
      id: task("2").id,
      from: ["claimed"],
      status: "waiting",
      at: at(2),
      reason: "requires_action"
    })
    assert.deepEqual(yield* claimAll("y", 3), ["task_3"])
    yield* tasks.change({ id: task("4").id, from: ["claimed"], status: "succeeded", at: at(4), reason: null })
    assert.deepEqual(yield* claimAll("z", 5), ["task_5"])
  }),

  "a change is made where the task stands as expected, and once for each place of the log": Effect.gen(function* () {
    const tasks = yield* Tasks
    const { id } = yield* tasks.add(task("1"))
    yield* tasks.claim(sesn("1"), limits, at(1))
    const change = { id, from: openStatuses, session: sesn("1"), status: "running", reason: null } as const
    assert.equal(Option.isSome(yield* tasks.change({ ...change, seq: 2, at: at(2) })), true)
    assert.equal(Option.isNone(yield* tasks.change({ ...change, seq: 2, at: at(2) })), true)
    assert.equal(Option.isNone(yield* tasks.change({ ...change, seq: 1, at: at(3) })), true)
    assert.equal(Option.isNone(yield* tasks.change({ ...change, seq: 3, at: at(3), session: sesn("2") })), true)
    assert.equal(Option.isNone(yield* tasks.change({ ...change, seq: 3, at: at(3), from: ["queued"] })), true)
    const outcome = { ...emptyOutcome("failed", { type: "x", message: 'it\'s "ö"' }), text: "null" }
    yield* tasks.change({ ...change, seq: 4, at: at(4), status: "failed", reason: "x", set: { outcome } })
    const failed = Option.getOrThrow(yield* tasks.task(id))
    assert.deepEqual(failed.outcome, outcome)
    assert.deepEqual(
      failed.transitions.map(({ status }) => status),
      ["queued", "claimed", "running", "failed"]
    )
    assert.equal(failed.transitions.at(-1)?.reason, "x")
    assert.equal(failed.updated_at, at(4))
    assert.equal(Option.isNone(yield* tasks.change({ ...change, seq: 5, at: at(5) })), true)

    // A new attempt is told of another log, from its beginning.
    yield* tasks.change({
      id,
      from: ["failed"],
      status: "queued",
      at: at(6),
      reason: "retried",
      set: { attempt: 2, session_id: null, outcome: null }
    })
    const again = Option.getOrThrow(yield* tasks.claim(sesn("2"), limits, at(7)))
    assert.deepEqual([again.attempt, again.outcome, again.session_id], [2, null, "sesn_2"])
    assert.equal(Option.isNone(yield* tasks.change({ ...change, seq: 6, at: at(8) })), true)
    assert.equal(Option.isSome(yield* tasks.change({ ...change, session: sesn("2"), seq: 1, at: at(8) })), true)
  }),

  "what is told with a change is added with it, once, and not without it": Effect.gen(function* () {
    const tasks = yield* Tasks
    const deliveries = yield* Deliveries
    const to = { type: "queue", queue: "REPLIES" } as const
    const { id } = yield* tasks.add(task("1", { reply_to: to }))
    const claimed = Option.getOrThrow(yield* tasks.claim(sesn("1"), limits, at(1)))
    const outcome = emptyOutcome("succeeded", null)
    const change = (session: string, second: number) =>
      tasks.change({
        id,
        from: openStatuses,
        session: sesn(session),
        seq: 3,
        status: "succeeded",
        at: at(second),
        reason: null,
        set: { outcome },
        deliveries: [reply({ ...claimed, session_id: sesn(session) }, to, outcome, at(second))]
      })
    yield* change("other", 2)
    assert.deepEqual(yield* deliveries.deliveries(all), [])
    yield* change("1", 3)
    yield* change("1", 3)
    const [found, ...others] = yield* deliveries.deliveries({ ...all, taskId: id })
    assert.deepEqual([found?.event, found?.session_id, others.length], ["task.succeeded", "sesn_1", 0])
  }),

  "what an open task with a session is ended for is noted, and stays": Effect.gen(function* () {
    const tasks = yield* Tasks
    const { id } = yield* tasks.add(task("1"))
    assert.equal(Option.isNone(yield* tasks.end(id, "cancelled", at(1))), true)
    yield* tasks.claim(sesn("1"), limits, at(1))
    assert.equal(Option.getOrThrow(yield* tasks.end(id, "cancelled", at(2))).ending, "cancelled")
    assert.equal(Option.getOrThrow(yield* tasks.end(id, "expired", at(3))).ending, "cancelled")
    yield* tasks.change({ id, from: ["claimed"], status: "cancelled", at: at(4), reason: null })
    assert.equal(Option.isNone(yield* tasks.end(id, "expired", at(5))), true)
  }),

  "tasks past their deadline are found, unless they have ended or are being ended": Effect.gen(function* () {
    const tasks = yield* Tasks
    for (const [id, deadline] of [
      ["1", at(3)],
      ["2", at(1)],
      ["3", at(2)],
      ["4", null],
      ["5", at(9)]
    ] as const) {
      yield* tasks.add(task(id, { deadline, ...of(id) }))
    }
    yield* tasks.claim(sesn("1"), { concurrency: 1, concurrencyPerAgent: 1 }, at(0))
    assert.deepEqual((yield* ids(tasks.overdue(at(3), 10))).sort(), ["task_1", "task_2", "task_3"])
    yield* tasks.end(task("1").id, "expired", at(3))
    yield* tasks.change({ id: task("2").id, from: ["queued"], status: "expired", at: at(3), reason: null })
    assert.deepEqual(yield* ids(tasks.overdue(at(3), 10)), ["task_3"])
  }),

  "what is not heard of is found, and then left alone for a while": Effect.gen(function* () {
    const tasks = yield* Tasks
    const catalog = yield* Catalog
    for (const id of ["1", "2", "3"]) yield* tasks.add(task(id, of(id)))
    yield* tasks.claim(sesn("1"), limits, at(1))
    yield* tasks.claim(sesn("2"), limits, at(5))
    assert.deepEqual(yield* ids(tasks.quiet({ before: at(3), limit: 10 }, at(10))), ["task_1"])
    assert.deepEqual(yield* ids(tasks.quiet({ before: at(9), limit: 10 }, at(11))), ["task_2"])
    assert.deepEqual(yield* ids(tasks.quiet({ before: at(12), limit: 1 }, at(13))), ["task_1"])

    yield* catalog.putSession(session("1", { status: "running", updated_at: at(1) }))
    yield* catalog.putSession(session("2", { status: "idle", updated_at: at(1) }))
    yield* catalog.putSession(session("3", { status: "rescheduling", updated_at: at(2) }))
    yield* catalog.putSession(session("4", { status: "running", updated_at: at(8) }))
    const quiet = { before: at(5), limit: 10 }
    assert.deepEqual((yield* tasks.quietSessions(quiet, at(9))).toSorted(), ["sesn_1", "sesn_3"])
    assert.deepEqual(yield* tasks.quietSessions(quiet, at(10)), [])
  }),

  "sweeps and dead letters are kept, listed newest first, and forgotten": Effect.gen(function* () {
    const tasks = yield* Tasks
    yield* tasks.addSweep(sweep("1", { created_at: at(1) }))
    yield* tasks.addSweep(sweep("2", { created_at: at(5) }))
    yield* tasks.putDeadLetter(letter("1"))
    yield* tasks.putDeadLetter(letter("2"))
    assert.deepEqual(yield* tasks.deadLetter("dead_1"), Option.some(letter("1")))
    assert.deepEqual(yield* ids(tasks.deadLetters(all)), ["dead_2", "dead_1"])
    yield* tasks.putDeadLetter(letter("1", { replayed_at: at(2) }))
    assert.deepEqual(yield* ids(tasks.sweeps({ limit: 1 })), ["swep_2"])
    yield* tasks.deleteNotesBefore(at(3))
    assert.deepEqual(yield* ids(tasks.sweeps(all)), ["swep_2"])
    assert.deepEqual(yield* ids(tasks.deadLetters(all)), ["dead_2"])
  }),

  "deliveries of one session to one place are taken in their order, others beside them": Effect.gen(function* () {
    const deliveries = yield* Deliveries
    const now = Date.parse(at(10))
    const take = (at: number) => ids(deliveries.take({ now: at, leaseUntil: at + 1_000, limit: 10 }))
    const first = delivery("1", { created_at: at(1) })
    yield* deliveries.add([first, delivery("2", { created_at: at(1) })])
    yield* deliveries.add([
      first,
      delivery("3", { to: { type: "queue", queue: "OTHER" } }),
      delivery("4", { session_id: sesn("2") })
    ])
    assert.deepEqual((yield* take(now)).sort(), ["dlvr_1", "dlvr_3", "dlvr_4"])
    // Whoever took them has them for a while.
    assert.deepEqual(yield* take(now + 999), [])
    yield* deliveries.put({ ...first, attempts: 1, last_error: "no answer" }, now + 60_000)
    assert.deepEqual((yield* take(now + 1_000)).sort(), ["dlvr_3", "dlvr_4"])
    assert.deepEqual((yield* take(now + 60_000)).sort(), ["dlvr_1", "dlvr_3", "dlvr_4"])
    yield* deliveries.put({ ...first, status: "delivered", attempts: 2, updated_at: at(11) }, null)
    assert.deepEqual(yield* ids(deliveries.take({ now, leaseUntil: now + 1, limit: 10, of: sesn("1") })), [])
    assert.deepEqual(
      yield* ids(deliveries.take({ now: now + 60_000, leaseUntil: now + 120_000, limit: 10, of: sesn("1") })),
      ["dlvr_2"]
    )
  }),

  "deliveries are listed by session, task and status, without payloads, and forgotten when they are over": Effect.gen(
    function* () {
      const deliveries = yield* Deliveries
      const over = delivery("1", { status: "delivered", updated_at: at(1) })
      yield* deliveries.add([delivery("1"), delivery("2"), delivery("3", { session_id: null, task_id: task("1").id })])
      yield* deliveries.put(over, null)
      assert.deepEqual(yield* deliveries.delivery("dlvr_1"), Option.some(over))
      const listed = yield* deliveries.deliveries(all)
      assert.deepEqual(
        listed.map(({ id, payload }) => [id, payload]),
        [
          ["dlvr_3", undefined],
          ["dlvr_2", undefined],
          ["dlvr_1", undefined]
        ]
      )
      assert.deepEqual(yield* ids(deliveries.deliveries({ ...all, sessionId: sesn("1"), status: "pending" })), [
        "dlvr_2"
      ])
      assert.deepEqual(yield* ids(deliveries.deliveries({ ...all, taskId: task("1").id })), ["dlvr_3"])
      yield* deliveries.deleteBefore(at(2))
      assert.deepEqual(yield* ids(deliveries.deliveries(all)), ["dlvr_3", "dlvr_2"])
    }
  )
}
