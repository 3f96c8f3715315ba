import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as CatalogMemory from "../layers/storage/CatalogMemory.ts"
import * as VaultsMemory from "../layers/storage/VaultsMemory.ts"
import { triggers } from "../layers/test.ts"
import { Catalog } from "../src/Catalog.ts"
import { Deployments } from "../src/Deployments.ts"
import type { Schedule } from "../src/domain/Deployment.ts"
import { openStatuses } from "../src/domain/Task.ts"
import { Tasks } from "../src/Tasks.ts"
import { nextRun } from "../src/triggers/firing.ts"
import { emptyOutcome } from "../src/triggers/messages.ts"
import { Scheduler } from "../src/triggers/Scheduler.ts"
import * as FakeSessions from "./api/FakeSessions.ts"
import { occurrences } from "./support/cronOracle.ts"
import { agent, deployment, environment, schedule } from "./support/records.ts"

/** A year of schedules, half an hour at a time, with two days and a half in which nothing runs. */

const from = Date.UTC(2026, 0, 1)
const to = Date.UTC(2027, 0, 1)
const down = Date.parse("2026-06-10T00:10:00Z")
const up = Date.parse("2026-06-12T12:10:00Z")
const half = 30 * 60_000
const day = 48 * half

const schedules: ReadonlyArray<Partial<Schedule>> = [
  { expression: "30 2 * * *", timezone: "America/New_York" },
  { expression: "0 0 * * *", timezone: "America/Havana", jitter_seconds: 900 },
  { expression: "15 2 * * *", timezone: "Australia/Lord_Howe" },
  { expression: "0 */4 * * *", timezone: "Europe/Berlin", catch_up_policy: "all", overlap_policy: "queue" },
  { expression: "15 9 * * 1-5", timezone: "Asia/Kathmandu", catch_up_policy: "none" },
  { expression: "0 6 1,15 * *", timezone: "Africa/Casablanca", overlap_policy: "cancel_running" }
]

/** The times that are made up for, of those that passed while nothing ran. */
const madeUpFor = ({ catch_up_policy = "latest" }: Partial<Schedule>, missed: ReadonlyArray<number>) => {
  switch (catch_up_policy) {
    case "none":
      return []
    case "latest":
      return missed.slice(-1)
    case "all":
      return missed.filter((time) => time >= up - day)
  }
}

const expected = (fields: Partial<Schedule>) => {
  const times = occurrences(fields.expression!, fields.timezone!, from, to)
  const missed = times.filter((time) => time > down && time <= up)
  return {
    ran: [...times.filter((time) => time <= down || time > up), ...madeUpFor(fields, missed)].sort((a, b) => a - b),
    errors: missed.length > madeUpFor(fields, missed).length ? [missed[0]!] : []
  }
}

const state = new FakeSessions.SessionsState()

const layer = triggers().pipe(
  Layer.provide(FakeSessions.layer(state)),
  Layer.provideMerge(CatalogMemory.layer),
  Layer.provide(VaultsMemory.layer)
)

describe("a year of schedules", () => {
  it.effect(
    "has the runs that another library finds, each with a session, and no others",
    () =>
      Effect.gen(function* () {
        const catalog = yield* Catalog
        const deployments = yield* Deployments
        const tasks = yield* Tasks
        const scheduler = yield* Scheduler
        yield* catalog.addAgentVersion(agent("1"))
        yield* catalog.putEnvironment(environment("1"))
        const all = schedules.map((fields, index) => deployment(`${index}`, { schedule: schedule(fields) }))
        for (const one of all) yield* deployments.add({ deployment: one, next: nextRun(one, from), lastRunAt: null })

        let ended = 0
        for (let time = from; time <= to + half; time += half) {
          if (time > down && time < up) continue
          yield* TestClock.setTime(time)
          yield* scheduler.tick
          // Whatever runs has ended before the next tick, and what waits for it as well.
          while (state.sessions.size > ended) {
            ended = state.sessions.size
            const open = yield* tasks.tasks({ limit: 100, statuses: openStatuses })
            for (const { id } of open) {
              const outcome = emptyOutcome("succeeded", null)
              yield* tasks.change({
                id,
                from: ["claimed"],
                status: "succeeded",
                at: "2026-01-01T00:00:00.000Z",
                reason: null,
                set: { outcome }
              })
            }
            yield* scheduler.tick
          }
        }

        for (const [index, one] of all.entries()) {
          const runs = (yield* deployments.runs({ limit: 5_000, deploymentId: one.id })).toReversed()
          const at = runs.map(({ deployment_run: { trigger_context: context } }) =>
            context.type === "schedule" ? Date.parse(context.scheduled_at) : 0
          )
          const { ran, errors } = expected(schedules[index]!)
          const what = JSON.stringify(schedules[index])
          const within = (time: number) => time <= to
          assert.deepStrictEqual(
            at.filter((time, place) => runs[place]!.status === "succeeded" && within(time)),
            ran,
            what
          )
          assert.deepStrictEqual(
            at.filter((_, place) => runs[place]!.status !== "succeeded"),
            errors,
            what
          )
          assert.isTrue(runs.every(({ status, session_id }) => (status === "succeeded") === (session_id !== null)))
          const { lastRunAt } = (yield* deployments.deployments({ limit: 10, includeArchived: false })).find(
            ({ deployment }) => deployment.id === one.id
          )!
          assert.isNotNull(lastRunAt)
        }
      }).pipe(Effect.provide(layer)),
    120_000
  )
})
