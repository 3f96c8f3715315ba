import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import type { Artifacts } from "../Artifacts.ts"
import type { Timestamp } from "../domain/Common.ts"
import type { TaskId } from "../domain/Ids.ts"
import { isFinal, openStatuses, type Task } from "../domain/Task.ts"
import { Deliveries } from "../Deliveries.ts"
import { Outbox, type Told } from "../Outbox.ts"
import { type Cursor, OutboxCursor } from "../OutboxCursor.ts"
import { type LogEntry, Storage } from "../Storage.ts"
import type { Mailboxes } from "../Mailboxes.ts"
import { Tasks } from "../Tasks.ts"
import type { Workspace } from "../Workspace.ts"
import type { ApprovalRequests } from "./ApprovalRequests.ts"
import { Deliverer } from "./Deliver.ts"
import { hooks, reply } from "./messages.ts"
import * as Outcome from "./outcome.ts"
import * as Questions from "./questions.ts"
import { advance, hooksOf, type Step, stepOf, telling } from "./progress.ts"
import { TriggerSettings } from "./Settings.ts"
import { TaskRunner } from "./TaskRunner.ts"

const page = 50

/** Milliseconds until what could not be told is told again: doubled each time, up to the longest. */
const pause = 2_000
const longestPause = 300_000

const beginning: Cursor = { seq: -1, isInterrupted: false, lastError: null }

/** The outbox of one session, in its own object. */
export const layer: Layer.Layer<
  Outbox,
  never,
  | ApprovalRequests
  | Artifacts
  | Deliverer
  | Deliveries
  | Mailboxes
  | OutboxCursor
  | Storage
  | TaskRunner
  | Tasks
  | TriggerSettings
  | Workspace
> = Layer.effect(
  Outbox,
  Effect.gen(function* () {
    const outcomeOf = yield* Outcome.make
    const deliverer = yield* Deliverer
    const deliveries = yield* Deliveries
    const position = yield* OutboxCursor
    const storage = yield* Storage
    const runner = yield* TaskRunner
    const tasks = yield* Tasks
    const { endpoints, mail } = yield* TriggerSettings
    const questionsOf = yield* Questions.make
    const hasReplied = yield* Questions.hasReplied
    const oneAtATime = Semaphore.withPermit(yield* Semaphore.make(1))
    let failures = 0

    const isWaitedFor = ({ record }: Pick<Told, "record">) =>
      record.task_id !== undefined || endpoints.length > 0 || Option.isSome(mail.approver)

    /** A session from before anybody waited for it is told from its latest turn on. */
    const read = ({ turnSeq }: Told) =>
      Effect.map(
        position.read,
        Option.getOrElse((): Cursor => ({ ...beginning, seq: Math.max(0, turnSeq - 1) }))
      )

    const left = ({ seq }: Cursor) => storage.events({ after: seq, limit: page, order: "asc", types: telling })

    /** Ends the task, and sends its outcome on its way, in one write. */
    const conclude = Effect.fnUntraced(function* (
      session: Told,
      task: Task,
      entry: LogEntry,
      step: Step,
      at: Timestamp
    ) {
      const status = step.status === "cancelled" ? (task.ending ?? step.status) : step.status
      if (!isFinal(status)) return
      const outcome = yield* outcomeOf(session, task, entry, status, step)
      const isAnswered = task.reply_to?.type === "mail" && status === "succeeded" && (yield* hasReplied(session, entry))
      yield* tasks.change({
        ...changeOf(session, task.id, entry, at),
        status,
        reason: step.reason,
        set: { outcome },
        deliveries: task.reply_to === null || isAnswered ? [] : [reply(task, task.reply_to, outcome, at)]
      })
    })

    /** The task follows the session: each step once, in its order, whatever else became of the task. */
    const follow = Effect.fnUntraced(function* (session: Told, id: TaskId, entry: LogEntry, step: Step, at: Timestamp) {
      if (isFinal(step.status)) {
        const task = yield* tasks.task(id)
        const isOpen = Option.filter(
          task,
          ({ status, session_id }) => !isFinal(status) && session_id === session.record.id
        )
        if (Option.isSome(isOpen)) yield* conclude(session, isOpen.value, entry, step, at)
      } else {
        const from = openStatuses.filter((status) => status !== step.status)
        yield* tasks.change({ ...changeOf(session, id, entry, at), from, status: step.status, reason: step.reason })
      }
      // Whoever runs no more leaves a place.
      if (step.status !== "running") yield* runner.dispatch
    })

    const tell = Effect.fnUntraced(function* (session: Told, cursor: Cursor, entry: LogEntry) {
      const { record } = session
      const { event } = entry
      const at = event.processed_at ?? record.created_at
      yield* deliveries.add(yield* questionsOf(record, event))
      yield* deliveries.add(hooks(record.id, hooksOf(event), event.id.slice("sevt_".length), endpoints, at))
      const step = stepOf(cursor, event)
      if (step !== null) {
        const ids = tasksOf(cursor, record, event)
        yield* Effect.forEach(ids, (id) => follow(session, id, entry, step, at), { discard: true })
      }
      return step
    })

    const tellAll = Effect.fnUntraced(function* (session: Told) {
      const { record } = session
      let cursor = yield* read(session)
      let isEnded = false
      let isAsking = false
      if (cursor.seq < 0) {
        const source = record.id.slice("sesn_".length)
        yield* deliveries.add(hooks(record.id, ["session.created"], source, endpoints, record.created_at))
        yield* position.write((cursor = { ...cursor, seq: 0 }))
      }
      while (true) {
        const entries = yield* left(cursor)
        for (const entry of entries) {
          const step = yield* tell(session, cursor, entry)
          isAsking ||= entry.event.type === "session.status_idle" && entry.event.stop_reason.type === "requires_action"
          isEnded ||= step !== null && isFinal(step.status)
          yield* position.write((cursor = { ...advance(cursor, entry.event), seq: entry.seq }))
        }
        if (entries.length < page) break
      }
      if (isEnded || isAsking || endpoints.length > 0) yield* deliverer.deliver(record.id)
    })

    const drain = Effect.fn("Outbox.drain")(function* (session: Told) {
      if (!isWaitedFor(session)) return null
      return yield* tellAll(session).pipe(
        Effect.andThen(
          Effect.sync(() => {
            failures = 0
            return null
          })
        ),
        Effect.catchCause((cause) =>
          Effect.gen(function* () {
            yield* Effect.logError("what became of the session could not be told; its alarm tries again", cause)
            return (yield* Clock.currentTimeMillis) + Math.min(pause * 2 ** failures++, longestPause)
          })
        )
      )
    }, oneAtATime)

    return Outbox.of({
      begin: (record, inherited) =>
        isWaitedFor({ record })
          ? position.write(inherited === 0 ? beginning : { ...beginning, seq: inherited })
          : Effect.void,
      isPending: (session) =>
        isWaitedFor(session)
          ? Effect.flatMap(read(session), (cursor) =>
              cursor.seq < 0 ? Effect.succeed(true) : Effect.map(left(cursor), (entries) => entries.length > 0)
            )
          : Effect.succeed(false),
      drain
    })
  })
)

/** The tasks that an event is about: what a message of one says, it says of that one alone. */
const tasksOf = ({ tasks }: Cursor, { task_id }: Told["record"], event: LogEntry["event"]): ReadonlyArray<TaskId> => {
  if (event.type === "user.message") return event.task === undefined ? [] : [event.task.id]
  return tasks ?? (task_id === undefined ? [] : [task_id])
}

/** Only while this is the task's session, and once for each place of its log. */
const changeOf = ({ record }: Told, id: TaskId, { seq }: LogEntry, at: Timestamp) => ({
  id,
  from: openStatuses,
  session: record.id,
  seq,
  at
})
