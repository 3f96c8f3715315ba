import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { now, timestamp } from "../domain/Common.ts"
import type { Deployment } from "../domain/Deployment.ts"
import { nextTaskId } from "../domain/Ids.ts"
import type { RunTask, Task } from "../domain/Task.ts"
import { Deployments, type DueDeployment, type Firing } from "../Deployments.ts"
import type { StorageError } from "../Storage.ts"
import { plan } from "./firing.ts"
import { toTask } from "./runs.ts"
import { TaskRunner } from "./TaskRunner.ts"

/** Deployments that are fired in one write, and the most that one tick fires. */
const page = 100
const maxPages = 100

/** Starts the runs of deployments: those of their schedules as the clock ticks, and those that somebody asks for. */
export class Scheduler extends Context.Service<
  Scheduler,
  {
    /** Starts what is due. However many ticks see it at once, each time of a schedule has one run. */
    readonly tick: Effect.Effect<void, StorageError>
    /** Starts a run now, whatever the schedule and its overlap policy say. */
    run(deployment: Deployment): Effect.Effect<RunTask, StorageError>
  }
>()("ownloop/triggers/Scheduler") {
  static readonly layer: Layer.Layer<Scheduler, never, Deployments | TaskRunner | SecureRandom.SecureRandom> =
    Layer.effect(
      Scheduler,
      Effect.gen(function* () {
        const deployments = yield* Deployments
        const runner = yield* TaskRunner
        const nextId = Effect.provideService(nextTaskId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

        const firingOf = Effect.fnUntraced(function* (due: DueDeployment, time: number) {
          const { deployment } = due
          const { runs, next } = plan(due, time)
          const at = timestamp(time)
          const tasks = yield* Effect.forEach(
            runs,
            Effect.fnUntraced(function* ({ scheduledAt, error }) {
              const trigger_context = { type: "schedule", scheduled_at: timestamp(scheduledAt) } as const
              return toTask(deployment, { id: yield* nextId, trigger_context, error, at })
            })
          )
          const isStarting = runs.some(({ error }) => error === null)
          const policy = deployment.schedule?.overlap_policy
          const firing: Firing = {
            id: deployment.id,
            scheduledAt: due.next.scheduledAt,
            next,
            lastRunAt: isStarting ? at : null,
            runs: tasks,
            isQueued: policy !== "skip",
            cancels: isStarting && policy === "cancel_running" ? { at, reason: "overlap" } : null
          }
          return firing
        })

        /** Whoever dies before it is told to the session leaves that to the next sweep. */
        const end = (task: Task) =>
          Effect.catch(runner.end(task, "cancelled"), (error) =>
            Effect.logError("a run that another one takes the place of could not be ended yet", error)
          )

        const tick = Effect.gen(function* () {
          for (let turn = 0; turn < maxPages; turn++) {
            const time = yield* Clock.currentTimeMillis
            const due = yield* deployments.due(time, page)
            if (due.length === 0) break
            const firings = yield* Effect.forEach(due, (one) => firingOf(one, time))
            const { ending } = yield* deployments.fire(firings)
            yield* Effect.forEach(ending, end, { concurrency: 4, discard: true })
          }
          yield* runner.dispatch
        }).pipe(Effect.withSpan("Scheduler.tick"))

        const run = Effect.fn("Scheduler.run")(function* (deployment: Deployment) {
          const trigger_context = { type: "manual" } as const
          const task = toTask(deployment, { id: yield* nextId, trigger_context, error: null, at: yield* now })
          return { ...(yield* runner.take(task)), deployment_run: task.deployment_run }
        })

        return Scheduler.of({ tick, run })
      })
    )
}
