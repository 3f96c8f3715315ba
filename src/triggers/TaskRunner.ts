import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { Catalog } from "../Catalog.ts"
import { now } from "../domain/Common.ts"
import { nextSessionId, nextTaskId, type TaskId } from "../domain/Ids.ts"
import { type FinalStatus, openStatuses, type Outcome, type Task } from "../domain/Task.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { Mailboxes } from "../Mailboxes.ts"
import { Sessions } from "../Sessions.ts"
import type { StorageError } from "../Storage.ts"
import { Tasks } from "../Tasks.ts"
import { Deliverer } from "./Deliver.ts"
import { emptyOutcome, reply } from "./messages.ts"
import { deadlinePassed } from "./outcome.ts"
import { ReplyQueues } from "./ReplyQueues.ts"
import { replyRefusal } from "./replyTo.ts"
import { Backends, TriggerSettings } from "./Settings.ts"
import { findAgent, findEnvironment, isBudgetable, sessionAgent, SetupRefused } from "./Setup.ts"
import { type TaskMessage, type TaskOrigin, TaskRefused, toTask } from "./TaskMessage.ts"

/** Takes tasks on, and starts a session for each as soon as the limits let it. */
export class TaskRunner extends Context.Service<
  TaskRunner,
  {
    /**
     * Takes the task on: it is durable when this answers, and its session starts now or when there is a place.
     */
    submit(message: TaskMessage, origin: TaskOrigin): Effect.Effect<Task, TaskRefused | StorageError>
    /** Starts queued tasks, oldest first, until none may start. */
    readonly dispatch: Effect.Effect<void, StorageError>
    /** Starts the session of a task that was claimed; where it was started before, nothing happens twice. */
    start(task: Task): Effect.Effect<void, StorageError>
    /** Ends an open task for good where it has no session that could end by itself. */
    settle(task: Task, status: FinalStatus, error: Outcome["error"]): Effect.Effect<Option.Option<Task>, StorageError>
    /** Has the session of a task end its work, whose end then is that of the task. */
    end(task: Task, ending: "cancelled" | "expired"): Effect.Effect<Task, StorageError>
    /** A new attempt of a task that did not succeed, with a new session; none where it stands otherwise. */
    retry(task: Task): Effect.Effect<Option.Option<Task>, StorageError>
  }
>()("ownloop/triggers/TaskRunner") {
  static readonly layer: Layer.Layer<
    TaskRunner,
    never,
    | Tasks
    | Catalog
    | Sessions
    | Deliverer
    | Mailboxes
    | ReplyQueues
    | TriggerSettings
    | Backends
    | SecureRandom.SecureRandom
  > = Layer.effect(
    TaskRunner,
    Effect.gen(function* () {
      const tasks = yield* Tasks
      const catalog = yield* Catalog
      const sessions = yield* Sessions
      const deliverer = yield* Deliverer
      const mailboxes = yield* Mailboxes
      const queues = yield* ReplyQueues
      const settings = yield* TriggerSettings
      const backends = yield* Backends
      const random = yield* SecureRandom.SecureRandom
      const nextId = Effect.provideService(nextTaskId, SecureRandom.SecureRandom, random)
      const nextSession = Effect.provideService(nextSessionId, SecureRandom.SecureRandom, random)

      const settle = Effect.fn("TaskRunner.settle")(function* (
        task: Task,
        status: FinalStatus,
        error: Outcome["error"]
      ) {
        const at = yield* now
        const outcome = emptyOutcome(status, error)
        const settled = yield* tasks.change({
          id: task.id,
          // Of a queued task nobody else does anything: where it is claimed meanwhile, it has a session that ends it.
          from: task.session_id === null ? ["queued"] : openStatuses,
          ...(task.session_id === null ? {} : { session: task.session_id }),
          status,
          at,
          reason: error?.type ?? null,
          set: { outcome },
          deliveries: task.reply_to === null ? [] : [reply(task, task.reply_to, outcome, at)]
        })
        yield* deliver(task.id)
        return settled
      })

      /** What cannot be sent now is sent by the next tick. */
      const deliver = (id: TaskId) =>
        Effect.catch(deliverer.deliver(id), (error) => Effect.logError("an outcome could not be sent yet", error))

      /** The mailbox of the mail that an outcome answers. */
      const answered = Effect.fnUntraced(function* ({ reply_to }: Pick<TaskMessage, "reply_to">) {
        const mail = reply_to?.type === "mail" ? yield* mailboxes.mail(reply_to.mail) : Option.none()
        return Option.flatMap(mail, ({ mailbox_id, status }) =>
          status === "accepted" ? Option.fromNullOr(mailbox_id) : Option.none()
        )
      })

      const recordOf = Effect.fnUntraced(function* (task: Task, session_id: NonNullable<Task["session_id"]>) {
        const [agent, environment] = yield* Effect.all(
          [
            findAgent(catalog, task.agent.id, task.agent.version ?? undefined),
            findEnvironment(catalog, backends, task.environment_id)
          ],
          { concurrency: 2 }
        )
        const frozen = sessionAgent(agent)
        if (task.budget !== null) yield* isBudgetable(task.budget, frozen)
        const mailbox_id = Option.getOrUndefined(yield* answered(task))
        return {
          id: session_id,
          agent: frozen,
          environment_id: environment.id,
          environment: environment.config,
          budget: task.budget,
          task_id: task.id,
          ...(mailbox_id === undefined ? {} : { mailbox_id }),
          vault_ids: [],
          title: null,
          metadata: task.metadata,
          created_at: yield* now,
          archived_at: null
        }
      })

      /** The session, which may have been there before, is sent what begins the task: each attempt once. */
      const goOn = Effect.fnUntraced(function* (task: Task, record: SessionRecord) {
        const attempt = { id: task.id, attempt: task.attempt }
        yield* sessions.create(record, [])
        yield* sessions
          .send(
            record.id,
            (task.initial_events ?? []).map((event) => ({ ...event, task: attempt }))
          )
          .pipe(
            Effect.catchTag(["SessionNotFound", "SessionConflict"], ({ message }) =>
              Effect.fail(new SetupRefused({ reason: "archived", detail: message }))
            )
          )
        yield* tasks.change({ id: task.id, from: ["claimed"], status: "running", at: yield* now, reason: null })
      })

      const start = Effect.fn("TaskRunner.start")(
        function* (task: Task) {
          if (task.session_id === null) return
          const record = yield* recordOf(task, task.session_id)
          if (task.continues === undefined) yield* sessions.create(record, task.initial_events ?? [])
          else yield* goOn(task, record)
          // Who asked for its end while there was no session yet could not tell it.
          const after = yield* tasks.task(task.id)
          if (Option.isSome(after) && after.value.ending !== null) yield* interrupt(after.value)
        },
        (effect, task) =>
          Effect.catchTag(effect, ["SetupRefused", "BudgetRefused"], (refused) =>
            Effect.asVoid(settle(task, "failed", { type: "invalid_request_error", message: refused.message }))
          )
      )

      const interrupt = ({ session_id }: Task) =>
        session_id === null
          ? Effect.void
          : Effect.catchTag(
              sessions.send(session_id, [{ type: "user.interrupt" }]),
              ["SessionNotFound", "SessionConflict"],
              () => Effect.void
            )

      /** A session that could not be started now is by a later tick: the task is claimed, and its session has its id. */
      const startOrLog = (task: Task) =>
        Effect.catchCause(start(task), (cause) =>
          Effect.logError("the session of a task could not be started; the next ticks try again", cause)
        )

      const dispatch = Effect.gen(function* () {
        while (true) {
          const claimed = yield* tasks.claim(yield* nextSession, settings.limits, yield* now)
          if (Option.isNone(claimed)) return
          yield* startOrLog(claimed.value)
        }
      }).pipe(Effect.withSpan("TaskRunner.dispatch"))

      const dispatchOrLog = Effect.catch(dispatch, (error) =>
        Effect.logError("queued tasks could not be started; the next tick does", error)
      )

      const submit = Effect.fn("TaskRunner.submit")(function* (message: TaskMessage, origin: TaskOrigin) {
        const refusal = replyRefusal(message, queues, settings)
        if (refusal !== null) return yield* new TaskRefused({ detail: refusal })
        if (message.reply_to?.type === "mail" && Option.isNone(yield* answered(message))) {
          return yield* new TaskRefused({
            detail: `reply_to.mail: ${message.reply_to.mail} is no mail that was accepted`
          })
        }
        const environmentId = message.environment_id ?? Option.getOrUndefined(settings.environmentId)
        if (environmentId === undefined) {
          const detail = "environment_id: is required, since OWNLOOP_TASK_ENVIRONMENT is not set"
          return yield* new TaskRefused({ detail })
        }
        const id = yield* nextId
        const task = yield* tasks.add(toTask(message, { ...origin, id, environmentId, at: yield* now }))
        // Whoever took it on before may have died before its session was there.
        if (task.status === "claimed") yield* startOrLog(task)
        else if (task.status === "queued") yield* dispatchOrLog
        else return task
        return Option.getOrElse(yield* tasks.task(task.id), () => task)
      })

      const end = Effect.fn("TaskRunner.end")(function* (task: Task, ending: "cancelled" | "expired") {
        const error = ending === "expired" ? deadlinePassed : null
        if (task.status === "queued") {
          const settled = yield* settle(task, ending, error)
          if (Option.isSome(settled)) return settled.value
        }
        const ended = yield* tasks.end(task.id, ending, yield* now)
        if (Option.isNone(ended)) return Option.getOrElse(yield* tasks.task(task.id), () => task)
        yield* interrupt(ended.value)
        return ended.value
      })

      const retry = Effect.fn("TaskRunner.retry")(function* (task: Task) {
        const at = yield* now
        const isPast = task.deadline !== null && task.deadline <= at
        const queued = yield* tasks.change({
          id: task.id,
          from: ["failed", "expired", "cancelled"],
          status: "queued",
          at,
          reason: "retried",
          set: {
            attempt: task.attempt + 1,
            session_id: null,
            ending: null,
            outcome: null,
            ...(isPast ? { deadline: null } : {})
          }
        })
        if (Option.isNone(queued)) return queued
        yield* dispatchOrLog
        return Option.orElse(yield* tasks.task(task.id), () => queued)
      })

      return TaskRunner.of({ submit, dispatch, start, settle, end, retry })
    })
  )
}
