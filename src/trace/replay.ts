import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Struct from "effect/Struct"
import type { AgentLoop } from "../loop/AgentLoop.ts"
import type { ClientEvent, SessionEvent } from "../domain/Event.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { maxTakeOvers } from "../loop/Recovery.ts"
import type { SessionExport } from "./Export.ts"
import { Process } from "./Playback.ts"
import { isInput, Recorded } from "./Recorded.ts"
import { replayClock } from "./replayClock.ts"
import type { ReplayDivergence } from "./ReplayDivergence.ts"

/** Times in a row that nothing happened, after which nothing will: all that is waited for is in this process. */
const patience = 50

/** Processes that may die at the same place. */
const maxDeaths = maxTakeOvers + 1

/** Starts the session's loop over the log as it stands, in layers that answer from the recording. */
export type Start = (process: Process) => Effect.Effect<AgentLoop["Service"], never, Scope.Scope>

/** The session as it was created. */
export const created = ({ entries, session }: SessionExport): SessionRecord => {
  for (const { event } of entries) {
    if (event.type === "session.updated" && event.previous_budget !== undefined) {
      return { ...session, budget: event.previous_budget, archived_at: null }
    }
  }
  return { ...session, archived_at: null }
}

/** What a fork goes on from: it is in its log from the beginning. */
export const inherited = ({ entries }: SessionExport): ReadonlyArray<SessionEvent> =>
  entries.slice(0, entries.findLastIndex(({ event }) => event.type === "session.forked") + 1).map(({ event }) => event)

/** What a client had sent. */
const clientEvent = (event: SessionEvent) => Struct.omit(event, ["id", "processed_at"]) as ClientEvent

/**
 * Runs a recorded session again, from its start to where its export ends, and answers how many events were logged again. What clients sent is
 * sent when the recorded log has it; where only the death of a process explains how the log goes on, it dies and another one takes over.
 */
export const replay = Effect.fn("replay")(function* (exported: SessionExport, start: Start) {
  const recorded = new Recorded(exported)
  let process = new Process(recorded, [])
  let loop = yield* inItsTime(process, start(process))
  let work: Task | undefined
  let sending: Task | undefined
  /** Processes that died at this place, and whether the loop was asked to work there. */
  let here = { seq: 0, deaths: 0, hasRun: false }
  /** The first sign of a divergence, which the death of a process might still explain. */
  let suspected: ReplayDivergence | undefined
  let idle = 0

  const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkDetach(inItsTime(process, effect))

  yield* Effect.orDie(loop.putRecord(created(exported)))

  /** What a process does that is gone, nobody waits for. */
  const kill = Effect.fnUntraced(function* () {
    here = { ...here, deaths: here.deaths + 1, hasRun: false }
    process.isDead = true
    work?.interruptUnsafe()
    work = undefined
    sending = undefined
    process = new Process(recorded, process.shown, here.deaths >= maxTakeOvers)
    loop = yield* inItsTime(process, start(process))
  })

  const send = (event: SessionEvent): Effect.Effect<unknown, { readonly message: string }> => {
    const { question } = recorded
    if (question !== undefined) return loop.approveEgress(question)
    if (event.type === "session.machine_stopping") return loop.noteStopping(event.reason)
    if (event.type !== "session.updated") return loop.send([clientEvent(event)])
    const change = Struct.omit(event, ["id", "processed_at", "type"])
    const { budget } = change
    const update =
      budget === undefined
        ? Effect.void
        : Effect.flatMap(loop.snapshot, ({ record }) => loop.putRecord({ ...record, budget }))
    return Effect.andThen(update, loop.noteChange(change))
  }

  /** Does one thing that comes next; false where there is none. */
  const step = Effect.fnUntraced(function* () {
    const { next } = recorded
    if (process.proceed()) return true
    if (isRunning(sending)) return false
    const problem = problemOf(sending)
    if (problem !== null) return yield* process.missing(`refuses it: ${problem}`)
    process.sendingAt = undefined
    sending = undefined
    // One that is to be the next that died has to take over first.
    if (next === undefined || (process.isDoomed && work !== undefined)) return false
    if (isInput(next)) {
      if (isRunning(work) && !process.isWaiting) return false
      process.sendingAt = recorded.seq
      sending = yield* run(send(next))
      return true
    }
    if (isRunning(work)) return false
    const broken = problemOf(work)
    if (broken !== null) return yield* process.missing(`broke off: ${broken}`)
    if (here.hasRun) return false
    here = { ...here, hasRun: true }
    work = yield* run(loop.run)
    return true
  })

  while (true) {
    if (recorded.seq !== here.seq) {
      here = { seq: recorded.seq, deaths: 0, hasRun: false }
      suspected = undefined
      idle = 0
    }
    const { divergence } = process
    if (divergence !== undefined) {
      if (divergence.reason !== "extra" || (!recorded.endsInInput && (yield* isAtRest(loop))))
        return yield* suspected ?? divergence
      return recorded.seq
    }
    idle = (yield* step()) ? 0 : idle + 1
    if (idle > patience) {
      if (recorded.next === undefined) return recorded.seq
      if (!process.isDoomed) suspected ??= process.missing()
      if (here.deaths >= maxDeaths) return yield* suspected ?? process.missing()
      yield* kill()
      idle = 0
    }
    yield* Effect.yieldNow
  }
}, Effect.scoped)

const inItsTime = <A, E, R>(process: Process, effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Clock.Clock, replayClock(process))

type Task = Fiber.Fiber<unknown, { readonly message: string }>

const isRunning = (task: Task | undefined): boolean => task !== undefined && task.pollUnsafe() === undefined

/** What a task failed with; null where it did not. */
const problemOf = (task: Task | undefined): string | null => {
  const exit = task?.pollUnsafe()
  if (exit === undefined || Exit.isSuccess(exit)) return null
  const error: unknown = Cause.squash(exit.cause)
  return Predicate.hasProperty(error, "message") ? String(error.message) : String(error)
}

/** Whether nothing was left to do when the recording ended. */
const isAtRest = (loop: AgentLoop["Service"]) =>
  Effect.map(Effect.orDie(loop.snapshot), ({ state }) => state.status !== "running" && state.queue.length === 0)
