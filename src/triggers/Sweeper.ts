import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { now } from "../domain/Common.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { Sweep } from "../domain/Sweep.ts"
import type { Task } from "../domain/Task.ts"
import { Sessions } from "../Sessions.ts"
import type { StorageError } from "../Storage.ts"
import { Tasks } from "../Tasks.ts"
import { Deliverer } from "./Deliver.ts"
import { TaskRunner } from "./TaskRunner.ts"

/** Milliseconds after which nobody doubts that something is wrong with a task or session that is not heard of. */
const patience = 120_000

/** Milliseconds for which a session that cannot be started is tried. */
const longestStart = 3_600_000

/** Things that one sweep looks at, of each kind. */
const limit = 50

const timestamp = (millis: number) => new Date(millis).toISOString()

/** Puts right what no one else will: it runs with every tick of the clock, and needs nobody to have told it anything. */
export class Sweeper extends Context.Service<Sweeper, { readonly sweep: Effect.Effect<void> }>()(
  "ownloop/triggers/Sweeper"
) {
  static readonly layer: Layer.Layer<
    Sweeper,
    never,
    Deliverer | SecureRandom.SecureRandom | Sessions | TaskRunner | Tasks
  > = Layer.effect(
    Sweeper,
    Effect.gen(function* () {
      const tasks = yield* Tasks
      const sessions = yield* Sessions
      const runner = yield* TaskRunner
      const deliverer = yield* Deliverer
      const random = yield* SecureRandom.SecureRandom

      const note = Effect.fnUntraced(function* (found: Pick<Sweep, "found" | "task_id" | "session_id" | "action">) {
        const id = `swep_${yield* random.ulid}`
        yield* Effect.logWarning("a sweep put something right", found)
        yield* tasks.addSweep({ type: "sweep", id, ...found, created_at: yield* now })
      })

      /** Whether the session was asleep; null where there is none. */
      const rouse = (id: SessionId) =>
        Effect.catchTag(sessions.rouse(id), "SessionNotFound", () => Effect.succeed(null))

      const expire = Effect.fnUntraced(function* (task: Task) {
        const { status } = yield* runner.end(task, "expired")
        const action = status === "expired" ? "the task is expired" : "its session was asked to end"
        yield* note({ found: "deadline_passed", task_id: task.id, session_id: task.session_id, action })
      })

      const look = Effect.fnUntraced(function* (task: Task) {
        const { session_id } = task
        if (session_id === null) return
        const about = { task_id: task.id, session_id }
        if (task.status === "claimed") {
          const isHopeless =
            Date.parse(task.transitions.at(-1)?.at ?? "") < (yield* Clock.currentTimeMillis) - longestStart
          if (isHopeless) {
            yield* note({ found: "session_not_started", ...about, action: "the task has failed" })
            yield* runner.settle(task, "failed", {
              type: "session_not_started",
              message: "its session could not be started"
            })
            return
          }
          yield* note({ found: "session_not_started", ...about, action: "it is started again, under the same id" })
          yield* runner.start(task)
        }
        const wasAsleep = yield* rouse(session_id)
        if (wasAsleep === null) {
          if (task.status === "claimed") return
          yield* note({ found: "session_gone", ...about, action: "the task has failed" })
          yield* runner.settle(task, "failed", { type: "session_gone", message: "its session does not exist any more" })
          return
        }
        if (wasAsleep) yield* note({ found: "session_asleep", ...about, action: "it goes on" })
        if (task.ending === null) return
        yield* note({ found: "session_not_ended", ...about, action: "it was asked to end once more" })
        yield* runner.end(task, task.ending)
      })

      const wake = Effect.fnUntraced(function* (session_id: SessionId) {
        const wasAsleep = yield* rouse(session_id)
        if (wasAsleep) yield* note({ found: "session_asleep", task_id: null, session_id, action: "it goes on" })
      })

      /** One that goes wrong keeps none of the others. */
      const each = <A>(items: ReadonlyArray<A>, f: (item: A) => Effect.Effect<void, StorageError>) =>
        Effect.forEach(items, (item) => orLog(f(item)), { concurrency: 4, discard: true })

      const quiet = Effect.map(Clock.currentTimeMillis, (millis) => ({ before: timestamp(millis - patience), limit }))

      const steps = [
        Effect.flatMap(
          Effect.flatMap(now, (at) => tasks.overdue(at, limit)),
          (found) => each(found, expire)
        ),
        Effect.gen(function* () {
          yield* each(yield* tasks.quiet(yield* quiet, yield* now), look)
        }),
        Effect.gen(function* () {
          yield* each(yield* tasks.quietSessions(yield* quiet, yield* now), wake)
        }),
        runner.dispatch,
        deliverer.deliver()
      ]

      return Sweeper.of({
        sweep: Effect.forEach(steps, orLog, { discard: true }).pipe(Effect.withSpan("Sweeper.sweep"))
      })
    })
  )
}

const orLog = (effect: Effect.Effect<void, StorageError>) =>
  Effect.catchCause(effect, (cause) => Effect.logError("a part of a sweep failed; the next tick tries again", cause))
