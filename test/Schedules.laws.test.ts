import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Catalog } from "../src/Catalog.ts"
import { Deployments } from "../src/Deployments.ts"
import type { Schedule } from "../src/domain/Deployment.ts"
import { Storage } from "../src/Storage.ts"
import { Tasks } from "../src/Tasks.ts"
import { toRun } from "../src/triggers/runs.ts"
import { agent, deployment, environment, schedule } from "./support/records.ts"
import { type Process, start, stores, World } from "./support/taskWorld.ts"

/**
 * Schedules whose ticks two processes see at once, the first of which is killed at any of its steps: one run for each time of a schedule,
 * and one session for each run, whatever happens.
 */

const begin = Date.parse("2026-11-24T08:59:30.000Z")

const of = (id: string, fields: Partial<Schedule>) => deployment(id, { schedule: schedule(fields) })

const deployments = [
  of("1", { expression: "*/2 9 * * *", overlap_policy: "skip" }),
  of("2", { expression: "0,3 10 * * *", timezone: "Europe/Berlin", overlap_policy: "queue", catch_up_policy: "all" }),
  of("3", { expression: "1-2 9 * * *", overlap_policy: "cancel_running", catch_up_policy: "all" })
]

/** All times until the end. */
const times = ["1 09:00", "1 09:02", "1 09:04", "2 09:00", "2 09:03", "3 09:01", "3 09:02"]

/** Lets five minutes pass, in which the first process is killed at a moment and started again. */
const run = Effect.fnUntraced(function* (fatal: number) {
  const home = yield* Effect.scope
  const world = new World(fatal)
  const kept = yield* stores
  const catalog = Context.get(kept, Catalog)
  const store = Context.get(kept, Deployments)
  yield* TestClock.setTime(begin)
  yield* catalog.addAgentVersion(agent("1", { model: { id: "local/main" } }))
  yield* catalog.putEnvironment(environment("1"))
  for (const one of deployments) {
    const scheduledAt = Date.parse(`2026-11-24T09:0${one.id === "depl_3" ? 1 : 0}:00Z`)
    yield* store.add({ deployment: one, next: { scheduledAt, dueAt: scheduledAt }, lastRunAt: null })
  }

  const open = Effect.gen(function* () {
    const scope = yield* Scope.make()
    return { scope, process: yield* Effect.provideService(start(world, kept, home), Scope.Scope, scope) }
  })
  let one = yield* open
  const other = yield* open

  /** Both at once, until it is over in each, or the first is dead. */
  const attempt = Effect.fnUntraced(function* (work: (process: Process) => Effect.Effect<void, unknown>) {
    const fibers = yield* Effect.forEach([one, other], ({ process, scope }) => Effect.forkIn(work(process), scope))
    for (let turn = 0; turn < 100; turn++) {
      yield* TestClock.adjust("10 millis")
      const isOver = fibers.map((fiber) => fiber.pollUnsafe() !== undefined)
      if (isOver[1] === true && (isOver[0] === true || one.process.life.isDead)) break
    }
    if (one.process.life.isDead) one = yield* open
  })

  for (let minute = 0; minute < 12; minute++) {
    yield* attempt(({ scheduler }) => scheduler.tick)
    yield* attempt(({ ring }) => ring)
    yield* attempt(({ sweep }) => sweep)
    yield* TestClock.setTime(begin + (minute + 1) * 60_000)
    // From then on they only end what they have begun.
    if (minute === 5)
      for (const { id } of deployments) yield* store.pause(id, { type: "manual" }, "2026-11-24T09:05:00.000Z")
  }
  const runs = yield* store.runs({ limit: 100 })
  const sessions = yield* Effect.forEach(
    [...world.sessions.values()],
    ({ services }) => Context.get(services, Storage).record
  )
  return { world, runs: runs.map(toRun), sessions: sessions.flatMap(Option.toArray), tasks: Context.get(kept, Tasks) }
})

const check = ({ runs, sessions }: Effect.Success<ReturnType<typeof run>>, what: string) => {
  const found = runs.map(({ deployment_id, trigger_context: context }) =>
    context.type === "schedule" ? `${deployment_id.at(-1)} ${context.scheduled_at.slice(11, 16)}` : "manual"
  )
  assert.deepStrictEqual(found.toSorted(), times, what)
  for (const { id, task_id, session_id, status, error } of runs) {
    const own = sessions.filter((session) => session.task_id === task_id).map(({ id }) => id)
    assert.deepStrictEqual(own, session_id === null ? [] : [session_id], `${what}: ${id}`)
    assert.include(["succeeded", "cancelled", "failed"], status, `${what}: ${id}`)
    assert.strictEqual(error === null, session_id !== null, `${what}: ${id}`)
    if (error !== null) assert.include(["overlap_skipped_error", "cancelled_error"], error.type, `${what}: ${id}`)
  }
  // What waits for its turn, and what is made up for, is done all the same.
  const queued = runs.filter(({ deployment_id }) => deployment_id === "depl_2")
  assert.deepStrictEqual(
    queued.map(({ status }) => status),
    ["succeeded", "succeeded"],
    what
  )
}

describe("schedules whose ticks are seen twice, by a process that dies", () => {
  it.effect(
    "have one run for each time, wherever it dies",
    () =>
      Effect.gen(function* () {
        const undisturbed = yield* Effect.scoped(run(Infinity))
        check(undisturbed, "with no kill")
        const { moments } = undisturbed.world
        assert.isAbove(moments, 100)
        for (let fatal = 1; fatal <= moments; fatal++) {
          check(yield* Effect.scoped(run(fatal)), `killed at step ${fatal} of ${moments}`)
        }
      }),
    240_000
  )
})
