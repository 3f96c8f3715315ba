import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Catalog } from "../src/Catalog.ts"
import { EventId, SessionId } from "../src/domain/Ids.ts"
import type { TaskStatus } from "../src/domain/Task.ts"
import { OutboxCursor } from "../src/OutboxCursor.ts"
import { Storage } from "../src/Storage.ts"
import { Tasks } from "../src/Tasks.ts"
import { agent, environment, record, task } from "./support/records.ts"
import { start, stores, World } from "./support/taskWorld.ts"

/** What the clock puts right where no message and no session does: each case is what a process that died has left. */

const sesn = SessionId.make("sesn_1")
const { id } = task("1")

/** A deployment with one task of one session, left as `leave` says; then the clock calls for some minutes. */
const swept = Effect.fnUntraced(function* (
  leave: (world: World, tasks: Tasks["Service"], home: Scope.Scope) => Effect.Effect<void, unknown>,
  minutes = 4
) {
  const home = yield* Effect.scope
  const world = new World(Infinity)
  const kept = yield* stores
  const catalog = Context.get(kept, Catalog)
  const tasks = Context.get(kept, Tasks)
  yield* TestClock.setTime(Date.parse(task("1").created_at))
  yield* catalog.addAgentVersion(agent("1", { model: { id: "local/main" } }))
  yield* catalog.putEnvironment(environment("1"))
  yield* leave(world, tasks, home)
  const process = yield* start(world, kept, home)
  for (let minute = 0; minute < minutes; minute++) {
    yield* TestClock.adjust("1 minute")
    yield* process.sweep
    yield* TestClock.adjust("1 second")
  }
  const found = Option.getOrThrow(yield* tasks.task(id))
  return { task: found, sweeps: (yield* tasks.sweeps({ limit: 10 })).map(({ found }) => found), world }
})

const claimed = (tasks: Tasks["Service"], fields: Parameters<typeof task>[1] = {}) =>
  Effect.andThen(
    tasks.add(task("1", fields)),
    tasks.claim(sesn, { concurrency: 1, concurrencyPerAgent: 1 }, task("1").created_at)
  )

const moveTo = (tasks: Tasks["Service"], status: TaskStatus) =>
  tasks.change({ id, from: ["claimed"], status, at: task("1").created_at, reason: null })

/** The session is there, was told what to do, and nothing stands that would wake it. */
const asleep = Effect.fnUntraced(function* (world: World, home: Scope.Scope) {
  const { services } = yield* Effect.provideService(world.durable(sesn), Scope.Scope, home)
  const storage = Context.get(services, Storage)
  yield* Context.get(services, OutboxCursor).write({ seq: 0, isInterrupted: false, lastError: null })
  yield* storage.putRecord(record("1", { task_id: id, agent: { ...record("1").agent, model: { id: "local/main" } } }))
  yield* storage.append([
    { type: "user.message", id: EventId.make("sevt_1"), processed_at: null, content: [{ type: "text", text: "Go" }] }
  ])
})

describe("a sweep", () => {
  it.effect("starts the session of a task that was claimed, under its own id, and notes it", () =>
    Effect.gen(function* () {
      const { sweeps, task } = yield* swept((_, tasks) => claimed(tasks))
      assert.include(sweeps, "session_not_started")
      assert.deepStrictEqual([task.status, task.session_id], ["succeeded", sesn])
    }).pipe(Effect.scoped)
  )

  it.effect("lets a session go on that nothing would have woken, and its task with it", () =>
    Effect.gen(function* () {
      const { sweeps, task } = yield* swept((world, tasks, home) =>
        claimed(tasks).pipe(Effect.andThen(moveTo(tasks, "running")), Effect.andThen(asleep(world, home)))
      )
      assert.deepStrictEqual(sweeps, ["session_asleep"])
      assert.strictEqual(task.status, "succeeded")
    }).pipe(Effect.scoped)
  )

  for (const status of ["running", "waiting"] as const) {
    it.effect(`fails a task that is ${status} and whose session is gone, and says so to who waits for it`, () =>
      Effect.gen(function* () {
        const { sweeps, task, world } = yield* swept((_, tasks) =>
          Effect.andThen(claimed(tasks, { reply_to: { type: "queue", queue: "REPLIES" } }), moveTo(tasks, status))
        )
        assert.deepStrictEqual(sweeps, ["session_gone"])
        assert.deepStrictEqual([task.status, task.outcome?.error?.type], ["failed", "session_gone"])
        assert.strictEqual(world.replies.length, 1)
      }).pipe(Effect.scoped)
    )
  }

  it.effect("expires what is past its deadline, and starts what waits", () =>
    Effect.gen(function* () {
      const { sweeps, task: late } = yield* swept((_, tasks) =>
        tasks.add(
          task("1", { deadline: "2026-11-22T16:42:30.000Z", agent: { type: "agent", id: "agent_9", version: null } })
        )
      )
      assert.deepStrictEqual([late.status, late.outcome?.status], ["expired", "expired"])
      assert.deepStrictEqual(sweeps, ["deadline_passed"])
      const waiting = yield* swept((_, tasks) => tasks.add(task("1")))
      assert.strictEqual(waiting.task.status, "succeeded")
      assert.deepStrictEqual(waiting.sweeps, [])
    }).pipe(Effect.scoped)
  )

  it.effect("is not too early to say that something is wrong", () =>
    Effect.gen(function* () {
      const { sweeps, task } = yield* swept((_, tasks) => claimed(tasks), 1)
      assert.deepStrictEqual([task.status, sweeps], ["claimed", []])
    }).pipe(Effect.scoped)
  )
})
