import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Struct from "effect/Struct"
import { Catalog } from "../../src/Catalog.ts"
import type { DeadLetter } from "../../src/domain/DeadLetter.ts"
import type { SessionId } from "../../src/domain/Ids.ts"
import type { Sweep } from "../../src/domain/Sweep.ts"
import { isFinal, placedStatuses, type Task, type TaskStatus } from "../../src/domain/Task.ts"
import { Deliveries } from "../../src/Deliveries.ts"
import { type Quiet, Tasks } from "../../src/Tasks.ts"
import * as DeliveriesMemory from "./DeliveriesMemory.ts"
import { pageOf } from "./Pages.ts"

const isPlaced = ({ status }: Task) => placedStatuses.some((placed) => placed === status)
const isStarted = ({ status }: Task) => status !== "queued" && !isFinal(status)
const oldestFirst = (tasks: Iterable<Task>) => [...tasks].sort((a, b) => (a.id < b.id ? -1 : 1))

const make = (catalog: Catalog["Service"], deliveries: DeliveriesMemory.DeliveriesMemory): Tasks["Service"] => {
  const tasks = new Map<string, Task>()
  /** Places of the sessions' logs up to which tasks were told. */
  const reported = new Map<string, number>()
  const sweptAt = new Map<string, string>()
  const sweeps = new Map<string, Sweep>()
  const letters = new Map<string, DeadLetter>()

  const move = (task: Task, status: TaskStatus, at: string, reason: string | null, set: Partial<Task>): Task => {
    const transitions = [...task.transitions, { status, at, reason }]
    const moved = { ...task, ...set, status, updated_at: at, transitions }
    tasks.set(task.id, moved)
    return moved
  }

  /** Those that are quiet, longest first; they count as looked at from now on. */
  const quiet = <A>(all: Iterable<A>, { before, limit }: Quiet, at: string, seen: (item: A) => [string, string]) => {
    const heard = (item: A) => {
      const [id, updated] = seen(item)
      const swept = sweptAt.get(id) ?? ""
      return swept > updated ? swept : updated
    }
    const found = [...all].filter((item) => heard(item) < before).sort((a, b) => (heard(a) < heard(b) ? -1 : 1))
    const taken = found.slice(0, limit)
    for (const item of taken) sweptAt.set(seen(item)[0], at)
    return taken
  }

  return Tasks.of({
    add: Effect.fn("Tasks.add")(function* (task) {
      const known = [...tasks.values()].find(({ idempotency_key }) => idempotency_key === task.idempotency_key)
      if (known === undefined) tasks.set(task.id, task)
      return known ?? task
    }),
    task: Effect.fn("Tasks.task")(function* (id) {
      return Option.fromUndefinedOr(tasks.get(id))
    }),
    tasks: Effect.fn("Tasks.tasks")(function* ({ statuses, agentId, ...page }) {
      const found = [...tasks.values()]
        .filter(({ status }) => statuses === undefined || statuses.includes(status))
        .filter(({ agent }) => agentId === undefined || agent.id === agentId)
      return pageOf(found, page).map((task) => Struct.omit(task, ["initial_events"]))
    }),
    claim: Effect.fn("Tasks.claim")(function* (session_id, { concurrency, concurrencyPerAgent }, at) {
      const placed = [...tasks.values()].filter(isPlaced)
      const isFree = ({ agent }: Task) =>
        placed.filter((other) => other.agent.id === agent.id).length < concurrencyPerAgent
      const next = oldestFirst(tasks.values()).find((task) => task.status === "queued" && isFree(task))
      if (next === undefined || placed.length >= concurrency) return Option.none()
      reported.delete(next.id)
      return Option.some(move(next, "claimed", at, null, { session_id: next.continues ?? session_id }))
    }),
    change: Effect.fn("Tasks.change")(function* ({ id, from, session, seq, status, at, reason, set = {}, ...rest }) {
      const task = tasks.get(id)
      if (task === undefined) return Option.none()
      const isExpected =
        from.includes(task.status) &&
        (session === undefined || session === task.session_id) &&
        (seq === undefined || seq > (reported.get(id) ?? 0))
      if (isExpected) {
        move(task, status, at, reason, set)
        if (seq !== undefined) reported.set(id, seq)
      }
      if (tasks.get(id)?.updated_at === at) rest.deliveries?.forEach(deliveries.insert)
      return isExpected ? Option.fromUndefinedOr(tasks.get(id)) : Option.none()
    }),
    end: Effect.fn("Tasks.end")(function* (id, ending, at) {
      const task = tasks.get(id)
      if (task === undefined || !isStarted(task)) return Option.none()
      const ended = { ...task, ending: task.ending ?? ending, updated_at: at }
      tasks.set(id, ended)
      return Option.some(ended)
    }),

    overdue: Effect.fn("Tasks.overdue")(function* (at, limit) {
      return [...tasks.values()]
        .filter(
          ({ deadline, ending, status }) => deadline !== null && ending === null && !isFinal(status) && deadline <= at
        )
        .slice(0, limit)
    }),
    quiet: Effect.fn("Tasks.quiet")(function* (query, at) {
      return quiet([...tasks.values()].filter(isStarted), query, at, ({ id, updated_at }) => [id, updated_at])
    }),
    quietSessions: Effect.fn("Tasks.quietSessions")(function* (query, at) {
      const statuses = ["running", "rescheduling"] as const
      const atWork = yield* catalog.sessions({ limit: 10_000, includeArchived: true, statuses })
      return quiet(atWork, query, at, ({ id, updated_at }) => [id, updated_at]).map(({ id }): SessionId => id)
    }),
    addSweep: Effect.fn("Tasks.addSweep")(function* (sweep) {
      sweeps.set(sweep.id, sweep)
    }),
    sweeps: Effect.fn("Tasks.sweeps")(function* (page) {
      return pageOf(sweeps.values(), page)
    }),

    putDeadLetter: Effect.fn("Tasks.putDeadLetter")(function* (letter) {
      letters.set(letter.id, letter)
    }),
    deadLetter: Effect.fn("Tasks.deadLetter")(function* (id) {
      return Option.fromUndefinedOr(letters.get(id))
    }),
    deadLetters: Effect.fn("Tasks.deadLetters")(function* (page) {
      return pageOf(letters.values(), page)
    }),

    deleteNotesBefore: Effect.fn("Tasks.deleteNotesBefore")(function* (time) {
      for (const { id, created_at } of sweeps.values()) if (created_at < time) sweeps.delete(id)
      for (const { id, replayed_at } of letters.values()) {
        if (replayed_at !== null && replayed_at < time) letters.delete(id)
      }
    })
  })
}

export const layer: Layer.Layer<Tasks | Deliveries, never, Catalog> = Layer.effectContext(
  Effect.map(Catalog, (catalog) => {
    const deliveries = DeliveriesMemory.make()
    return Context.make(Tasks, make(catalog, deliveries)).pipe(Context.add(Deliveries, deliveries.service))
  })
)
