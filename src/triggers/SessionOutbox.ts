import { Clock, Effect, Layer, Option, Semaphore } from "effect"
import { Artifacts, outputs } from "../Artifacts.ts"
import { openStatuses, isFinal, type Outcome, type Task } from "../domain/Task.ts"
import { Deliveries } from "../Deliveries.ts"
import { Outbox, type Told } from "../Outbox.ts"
import { type Cursor, OutboxCursor } from "../OutboxCursor.ts"
import { type LogEntry, Storage } from "../Storage.ts"
import { Tasks } from "../Tasks.ts"
import { Workspace } from "../Workspace.ts"
import { Deliverer } from "./Deliver.ts"
import { bounded, hooks, reply } from "./messages.ts"
import { advance, hooksOf, type Step, stepOf, telling } from "./progress.ts"
import { TriggerSettings } from "./Settings.ts"
import { TaskRunner } from "./TaskRunner.ts"

const page = 50

/** Milliseconds until what could not be told is told again: doubled each time, up to the longest. */
const pause = 2_000
const longestPause = 300_000

/** Artifacts of one session, and bytes of one. */
const maxArtifacts = 100
const maxArtifact = 25 * 1024 * 1024

const beginning: Cursor = { seq: -1, isInterrupted: false, lastError: null }

/** The outbox of one session, in its own object. */
export const layer: Layer.Layer<
  Outbox,
  never,
  Artifacts | Deliverer | Deliveries | OutboxCursor | Storage | TaskRunner | Tasks | TriggerSettings | Workspace
> = Layer.effect(
  Outbox,
  Effect.gen(function* () {
    const artifacts = yield* Artifacts
    const deliverer = yield* Deliverer
    const deliveries = yield* Deliveries
    const position = yield* OutboxCursor
    const storage = yield* Storage
    const runner = yield* TaskRunner
    const tasks = yield* Tasks
    const { endpoints } = yield* TriggerSettings
    const workspace = yield* Workspace
    const oneAtATime = Semaphore.withPermit(yield* Semaphore.make(1))
    let failures = 0

    const isWaitedFor = ({ record }: Told) => record.task_id !== undefined || endpoints.length > 0

    /** A session from before anybody waited for it is told from its latest turn on. */
    const read = ({ turnSeq }: Told) =>
      Effect.map(
        position.read,
        Option.getOrElse((): Cursor => ({ ...beginning, seq: Math.max(0, turnSeq - 1) }))
      )

    const left = ({ seq }: Cursor) => storage.events({ after: seq, limit: page, order: "asc", types: telling })

    const keepArtifacts = Effect.fnUntraced(function* ({ record }: Told) {
      const files = (yield* workspace.entries).filter(
        ({ kind, path, size }) => kind === "file" && path.startsWith(outputs) && size <= maxArtifact
      )
      return yield* Effect.forEach(files.slice(0, maxArtifacts), ({ path, size }) =>
        Effect.gen(function* () {
          const name = path.slice(outputs.length)
          const content = yield* workspace.read(path)
          if (Option.isSome(content)) yield* artifacts.put(record.id, name, content.value)
          return { path: name, size }
        })
      )
    })

    const outcomeOf = Effect.fnUntraced(function* (
      session: Told,
      { seq }: LogEntry,
      status: Outcome["status"],
      step: Step
    ) {
      const messages = yield* storage.events({ after: seq, limit: 1, order: "desc", types: ["agent.message"] })
      const text = messages.flatMap(({ event }) =>
        event.type === "agent.message" ? [event.content.map(({ text }) => text).join("\n")] : []
      )[0]
      const { input_tokens, output_tokens, cache_read_input_tokens } = session.usage
      return bounded({
        status,
        text: text ?? null,
        is_truncated: false,
        structured_output: null,
        artifacts: yield* keepArtifacts(session),
        usage: { input_tokens, output_tokens, cache_read_input_tokens },
        list_cost_usd: session.listCost,
        error: status === "expired" ? { type: "deadline_passed", message: "its deadline passed" } : step.error
      })
    })

    /** The task follows the session: each step once, in its order, whatever else became of the task. */
    const follow = Effect.fnUntraced(function* (session: Told, task: Task, entry: LogEntry, step: Step) {
      const at = entry.event.processed_at ?? session.record.created_at
      const change = { id: task.id, from: openStatuses, session: session.record.id, seq: entry.seq, at }
      const status = step.status === "cancelled" && task.ending !== null ? task.ending : step.status
      if (!isFinal(status)) {
        yield* tasks.change({ ...change, status, reason: step.reason })
      } else if (!isFinal(task.status)) {
        const outcome = yield* outcomeOf(session, entry, status, step)
        const replies = task.reply_to === null ? [] : [reply(task, task.reply_to, outcome, at)]
        yield* tasks.change({ ...change, status, reason: step.reason, set: { outcome }, deliveries: replies })
      }
      // Whoever runs no more leaves a place.
      if (status !== "running") yield* runner.dispatch
    })

    const tell = Effect.fnUntraced(function* (session: Told, cursor: Cursor, entry: LogEntry) {
      const { record } = session
      const { event } = entry
      const at = event.processed_at ?? record.created_at
      yield* deliveries.add(hooks(record.id, hooksOf(event), event.id.slice("sevt_".length), endpoints, at))
      const step = stepOf(cursor, event)
      if (step === null || record.task_id === undefined) return
      const task = yield* tasks.task(record.task_id)
      if (Option.isSome(task) && task.value.session_id === record.id) yield* follow(session, task.value, entry, step)
    })

    const tellAll = Effect.fnUntraced(function* (session: Told) {
      const { record } = session
      let cursor = yield* read(session)
      if (cursor.seq < 0) {
        const source = record.id.slice("sesn_".length)
        yield* deliveries.add(hooks(record.id, ["session.created"], source, endpoints, record.created_at))
        yield* position.write((cursor = { ...cursor, seq: 0 }))
      }
      while (true) {
        const entries = yield* left(cursor)
        for (const entry of entries) {
          yield* tell(session, cursor, entry)
          yield* position.write((cursor = { ...advance(cursor, entry.event), seq: entry.seq }))
        }
        if (entries.length < page) break
      }
      yield* deliverer.deliver(record.id)
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
      begin: position.write(beginning),
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
