import assert from "node:assert/strict"
import { Effect, Option } from "effect"
import type { Catalog } from "../src/Catalog.ts"
import type { Deliveries } from "../src/Deliveries.ts"
import { Deployments, type Firing, type StoredDeployment } from "../src/Deployments.ts"
import type { Deployment } from "../src/domain/Deployment.ts"
import { SessionId, TaskId } from "../src/domain/Ids.ts"
import { openStatuses, type Task } from "../src/domain/Task.ts"
import { Tasks } from "../src/Tasks.ts"
import { emptyOutcome } from "../src/triggers/messages.ts"
import { toTask } from "../src/triggers/runs.ts"
import type { Contract } from "./support/contract.ts"
import { deployment, task } from "./support/records.ts"

const nine = Date.UTC(2026, 10, 24, 9)
const hour = 3_600_000
const at = (millis: number) => new Date(millis).toISOString()
const all = { limit: 100, includeArchived: false }
const runs = { limit: 100 }
const limits = { concurrency: 10, concurrencyPerAgent: 10 }
const sesn = (id: string) => SessionId.make(`sesn_${id}`)

const stored = (one: Deployment, scheduledAt: number | null = nine): StoredDeployment => ({
  deployment: one,
  next: scheduledAt === null ? null : { scheduledAt, dueAt: scheduledAt },
  lastRunAt: null
})

const run = (
  one: Deployment,
  id: string,
  scheduledAt: number,
  error: { type: string; message: string } | null = null
) =>
  toTask(one, {
    id: TaskId.make(`task_${id}`),
    trigger_context: { type: "schedule", scheduled_at: at(scheduledAt) },
    error,
    at: at(scheduledAt + 1)
  })

const firing = (one: Deployment, id: string, fields: Partial<Firing> = {}): Firing => {
  const scheduledAt = fields.scheduledAt ?? nine
  return {
    id: one.id,
    scheduledAt,
    next: { scheduledAt: scheduledAt + hour, dueAt: scheduledAt + hour },
    lastRunAt: at(scheduledAt + 1),
    runs: [run(one, id, scheduledAt)],
    isQueued: false,
    cancels: null,
    ...fields
  }
}

const ids = Effect.map((tasks: ReadonlyArray<Task>) => tasks.map(({ id }) => id))
const names = Effect.map((found: ReadonlyArray<StoredDeployment>) => found.map(({ deployment }) => deployment.id))

/** Claims what may begin, until nothing may. */
const claimAll = (prefix: string) =>
  Effect.gen(function* () {
    const tasks = yield* Tasks
    const claimed: Array<string> = []
    while (true) {
      const next = yield* tasks.claim(sesn(`${prefix}${claimed.length}`), limits, at(nine))
      if (Option.isNone(next)) return claimed
      claimed.push(next.value.id)
    }
  })

const end = (id: string) =>
  Tasks.use((tasks) =>
    tasks.change({
      id: TaskId.make(id),
      from: openStatuses,
      status: "succeeded",
      at: at(nine),
      reason: null,
      set: { outcome: emptyOutcome("succeeded", null) }
    })
  )

export const contract: Contract<Deployments | Tasks | Deliveries | Catalog> = {
  "deployments are kept, and listed newest first by what they have": Effect.gen(function* () {
    const deployments = yield* Deployments
    const [one, two, three] = [
      deployment("1"),
      deployment("2", { agent: { type: "agent", id: "agent_2", version: 1 }, created_at: at(nine) }),
      deployment("3", { status: "paused", paused_reason: { type: "manual" } })
    ]
    const archived = deployment("4", { archived_at: at(nine) })
    for (const item of [one, two, three, archived]) yield* deployments.add(stored(item, null))
    assert.deepEqual(yield* deployments.deployment(one.id), Option.some(stored(one, null)))
    assert.deepEqual(yield* deployments.deployment(deployment("none").id), Option.none())
    assert.deepEqual(yield* names(deployments.deployments(all)), ["depl_3", "depl_2", "depl_1"])
    assert.deepEqual(yield* names(deployments.deployments({ ...all, includeArchived: true, limit: 1 })), ["depl_4"])
    assert.deepEqual(yield* names(deployments.deployments({ ...all, after: "depl_3" })), ["depl_2", "depl_1"])
    assert.deepEqual(yield* names(deployments.deployments({ ...all, agentId: "agent_2" })), ["depl_2"])
    assert.deepEqual(yield* names(deployments.deployments({ ...all, status: "paused" })), ["depl_3"])
    assert.deepEqual(yield* names(deployments.deployments({ ...all, createdAt: { gte: at(nine) } })), ["depl_2"])
    assert.deepEqual(yield* names(deployments.deployments({ ...all, createdAt: { lte: one.created_at } })), [
      "depl_3",
      "depl_1"
    ])
  }),

  "a change is made only to what was read": Effect.gen(function* () {
    const deployments = yield* Deployments
    const read = stored(deployment("1"))
    yield* deployments.add(read)
    const renamed = stored(deployment("1", { name: "renamed", updated_at: at(nine + 1) }))
    assert.equal(yield* deployments.replace(renamed, read), true)
    assert.equal(yield* deployments.replace(stored(deployment("1", { name: "late" })), read), false)
    assert.deepEqual(yield* deployments.deployment(read.deployment.id), Option.some(renamed))
    // Its schedule went on meanwhile.
    yield* deployments.fire([firing(renamed.deployment, "1")])
    assert.equal(yield* deployments.replace({ ...renamed, next: null }, renamed), false)
    const now = Option.getOrThrow(yield* deployments.deployment(read.deployment.id))
    assert.equal(yield* deployments.replace({ ...now, next: null }, now), true)
    const paused = Option.getOrThrow(yield* deployments.deployment(read.deployment.id))
    assert.deepEqual([paused.next, paused.lastRunAt], [null, at(nine + 1)])
  }),

  "one that is active is paused for an error, and no other": Effect.gen(function* () {
    const deployments = yield* Deployments
    const reason = { type: "error", error: { type: "agent_archived_error" } } as const
    const manual = deployment("2", { status: "paused", paused_reason: { type: "manual" } })
    const archived = deployment("3", { archived_at: at(nine) })
    yield* deployments.add(stored(deployment("1")))
    yield* deployments.add(stored(manual, null))
    yield* deployments.add(stored(archived, null))
    for (const id of ["1", "2", "3"]) yield* deployments.pause(deployment(id).id, reason, at(nine + 2))
    assert.deepEqual(
      yield* deployments.deployment(deployment("1").id),
      Option.some(stored(deployment("1", { status: "paused", paused_reason: reason, updated_at: at(nine + 2) }), null))
    )
    for (const same of [manual, archived]) {
      assert.deepEqual(yield* deployments.deployment(same.id), Option.some(stored(same, null)))
    }
  }),

  "what is due is found, longest due first, with its runs that have not ended": Effect.gen(function* () {
    const deployments = yield* Deployments
    yield* deployments.add(stored(deployment("1"), nine))
    yield* deployments.add({ ...stored(deployment("2")), next: { scheduledAt: nine - 60_000, dueAt: nine - 1 } })
    yield* deployments.add({ ...stored(deployment("3")), next: { scheduledAt: nine, dueAt: nine + 1 } })
    yield* deployments.add(stored(deployment("4"), null))
    yield* deployments.fire([firing(deployment("1"), "1", { next: { scheduledAt: nine, dueAt: nine } })])
    const due = yield* deployments.due(nine, 10)
    assert.deepEqual(
      due.map(({ deployment, next, openRuns }) => [deployment.id, next.scheduledAt, openRuns]),
      [
        ["depl_2", nine - 60_000, 0],
        ["depl_1", nine, 1]
      ]
    )
    assert.equal((yield* deployments.due(nine, 1)).length, 1)
    assert.deepEqual(yield* deployments.due(nine - hour, 10), [])
  }),

  "each time is fired once, however many see it at once, and moves the schedule on": Effect.gen(function* () {
    const deployments = yield* Deployments
    const one = deployment("1")
    const other = deployment("2")
    yield* deployments.add(stored(one))
    yield* deployments.add(stored(other))
    const answers = yield* Effect.forEach(
      ["a", "b", "c", "d", "e"],
      (id) => deployments.fire([firing(one, id), firing(other, `${id}2`)]),
      { concurrency: "unbounded" }
    )
    assert.deepEqual(answers.flatMap(({ fired }) => fired).sort(), [one.id, other.id])
    assert.equal((yield* deployments.runs(runs)).length, 2)
    const now = Option.getOrThrow(yield* deployments.deployment(one.id))
    assert.deepEqual(now.next, { scheduledAt: nine + hour, dueAt: nine + hour })
    assert.equal(now.lastRunAt, at(nine + 1))
    // Even where the schedule stands again where it stood.
    yield* deployments.replace({ ...now, next: { scheduledAt: nine, dueAt: nine } }, now)
    yield* deployments.fire([firing(one, "again", { lastRunAt: null })])
    assert.equal((yield* deployments.runs({ ...runs, deploymentId: one.id })).length, 1)
    assert.equal(Option.getOrThrow(yield* deployments.deployment(one.id)).lastRunAt, at(nine + 1))
  }),

  "runs that are queued begin one after another": Effect.gen(function* () {
    const deployments = yield* Deployments
    const one = deployment("1")
    yield* deployments.add(stored(one))
    const queued = [run(one, "a", nine), run(one, "b", nine + 1), run(one, "c", nine + 2)]
    yield* deployments.fire([firing(one, "a", { runs: queued, isQueued: true })])
    assert.deepEqual(yield* claimAll("x"), ["task_a"])
    // Cancelling one that waits lets none pass it.
    const tasks = yield* Tasks
    yield* tasks.change({ id: queued[1]!.id, from: ["queued"], status: "cancelled", at: at(nine), reason: null })
    assert.deepEqual(yield* claimAll("y"), [])
    yield* end("task_a")
    assert.deepEqual(yield* claimAll("z"), ["task_c"])
    yield* end("task_c")
    assert.deepEqual(yield* claimAll("w"), [])
    // The one that was cancelled is as any other once it is retried.
    yield* tasks.change({ id: queued[1]!.id, from: ["cancelled"], status: "queued", at: at(nine), reason: "retried" })
    assert.deepEqual(yield* claimAll("v"), ["task_b"])
  }),

  "runs of one deployment keep none of another's, and no other tasks": Effect.gen(function* () {
    const deployments = yield* Deployments
    const tasks = yield* Tasks
    for (const id of ["1", "2"]) {
      yield* deployments.add(stored(deployment(id)))
      yield* deployments.fire([firing(deployment(id), id, { isQueued: true })])
    }
    yield* tasks.add(task("3"))
    assert.deepEqual((yield* claimAll("x")).sort(), ["task_1", "task_2", "task_3"])
    yield* end("task_3")
  }),

  "a run that takes the place of others ends those that wait, and says which run": Effect.gen(function* () {
    const deployments = yield* Deployments
    const one = deployment("1")
    yield* deployments.add(stored(one))
    const before = [run(one, "a", nine), run(one, "b", nine + 1)]
    yield* deployments.fire([firing(one, "a", { runs: before, isQueued: true })])
    yield* claimAll("x")
    const cancels = { at: at(nine + hour), reason: "overlap" }
    const { ending } = yield* deployments.fire([
      firing(one, "c", { scheduledAt: nine + hour, isQueued: true, cancels }),
      firing(deployment("none"), "d", { cancels })
    ])
    assert.deepEqual(
      ending.map(({ id, ending }) => [id, ending]),
      [["task_a", "cancelled"]]
    )
    const tasks = yield* Tasks
    const waited = Option.getOrThrow(yield* tasks.task(before[1]!.id))
    assert.deepEqual([waited.status, waited.outcome?.status], ["cancelled", "cancelled"])
    assert.deepEqual(waited.transitions.at(-1), { status: "cancelled", ...cancels })
    assert.deepEqual(yield* claimAll("y"), [])
    yield* end("task_a")
    assert.deepEqual(yield* claimAll("z"), ["task_c"])
    // Whoever comes too late ends nothing.
    assert.deepEqual((yield* deployments.fire([firing(one, "e", { scheduledAt: nine + hour, cancels })])).ending, [])
  }),

  "runs are listed newest first, by what they are": Effect.gen(function* () {
    const deployments = yield* Deployments
    const tasks = yield* Tasks
    const [one, two] = [deployment("1"), deployment("2")]
    yield* deployments.add(stored(one))
    yield* deployments.add(stored(two))
    const skipped = run(one, "b", nine + 1, { type: "overlap_skipped_error", message: "another has not ended" })
    yield* deployments.fire([firing(one, "a", { runs: [run(one, "a", nine), skipped] }), firing(two, "c")])
    const manual = toTask(two, {
      id: TaskId.make("task_d"),
      trigger_context: { type: "manual" },
      error: null,
      at: at(nine + hour)
    })
    yield* tasks.add(manual)
    yield* tasks.add(task("e"))
    yield* tasks.claim(sesn("1"), limits, at(nine))
    assert.deepEqual(yield* ids(deployments.runs(runs)), ["task_d", "task_c", "task_b", "task_a"])
    assert.deepEqual(yield* ids(deployments.runs({ limit: 1, after: "task_d" })), ["task_c"])
    assert.deepEqual(yield* ids(deployments.runs({ ...runs, deploymentId: one.id })), ["task_b", "task_a"])
    assert.deepEqual(yield* ids(deployments.runs({ ...runs, triggerType: "manual" })), ["task_d"])
    assert.deepEqual(yield* ids(deployments.runs({ ...runs, triggerType: "schedule", deploymentId: two.id })), [
      "task_c"
    ])
    assert.deepEqual(yield* ids(deployments.runs({ ...runs, hasError: true })), ["task_b"])
    assert.deepEqual(yield* ids(deployments.runs({ ...runs, hasError: false })), ["task_a"])
    assert.deepEqual(yield* ids(deployments.runs({ ...runs, createdAt: { gt: at(nine + 2) } })), ["task_d"])
    assert.deepEqual(yield* deployments.run(manual.id), Option.some(manual))
    assert.deepEqual(yield* deployments.run(task("e").id), Option.none())
  })
}
