import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import { Alarm } from "../Alarm.ts"
import { Catalog } from "../Catalog.ts"
import type { Session } from "../domain/Session.ts"
import { Outbox, type Told } from "../Outbox.ts"
import type { Storage } from "../Storage.ts"
import * as SessionTraces from "../trace/SessionTraces.ts"
import { TraceExporter } from "../TraceExporter.ts"
import type { AgentLoop } from "./AgentLoop.ts"
import * as SessionView from "./SessionView.ts"

/** Milliseconds after which a session whose process died goes on. */
const ahead = 2_000

/** Milliseconds at most between two attempts of a session whose storage fails. */
const longestPause = 300_000

/** One session's work: the loop, with the alarm that stands while it runs, and the index of sessions that is told about it. */
export const make = Effect.fnUntraced(function* (loop: AgentLoop["Service"], contentRate: number) {
  const services = yield* Effect.context<Storage | Catalog>()
  const exporter = yield* TraceExporter
  const catalog = yield* Catalog
  const alarm = yield* Alarm
  const outbox = yield* Outbox
  const turns = yield* FiberSet.make()
  const exports = yield* FiberSet.make()
  /** Turns in a row that broke off, which they do only where the storage fails: the next one is waited for ever longer. */
  let failures = 0
  /** What the index shows of the session. */
  let indexed: Session | undefined

  const isLeft = Effect.map(loop.next, ({ type }) => type !== "rest")

  const view = Effect.gen(function* () {
    return SessionView.make(yield* loop.snapshot, yield* loop.isAtWork)
  })

  const index = Effect.tap(view, (session) => {
    if (Equal.equals(session, indexed)) return Effect.void
    indexed = session
    return Effect.tapError(catalog.putSession(session), () => Effect.sync(() => (indexed = undefined)))
  })

  /** The index is no truth: the session goes on without it, and puts it right when it next has something to say. */
  const indexOrLog = Effect.catch(index, (error) => Effect.logError("the session could not be indexed", error))

  const told = Effect.map(loop.snapshot, ({ record, state, turnSeq }): Told => ({
    record,
    usage: state.spent.usage,
    listCost: state.spent.listCost,
    turnSeq
  }))

  /** Tells whoever waits for the session what became of it. Answers when to try again, where that did not go well. */
  const tell = Effect.flatMap(told, outbox.drain)

  /** Something is left to do, or to tell. */
  const isPending = Effect.flatMap(isLeft, (isLeft) =>
    isLeft ? Effect.succeed(true) : Effect.flatMap(told, outbox.isPending)
  )

  const wakeIn = (delay: number) => Effect.flatMap(Clock.currentTimeMillis, (now) => alarm.set(now + delay))

  /** Sends the trace of the turn that has just ended, where one has. No turn waits for it. */
  const exportTurn = Effect.fn("SessionObject.exportTurn")(
    function* (seqBefore: number) {
      const { lastSeq, record, state, turnSeq } = yield* loop.snapshot
      const isPaused = state.stopReason?.type === "requires_action" || state.stopReason?.type === "budget_reached"
      if (exporter.send === null || lastSeq === seqBefore || state.status !== "idle" || isPaused) return
      const [trace] = yield* SessionTraces.read(record, { after: turnSeq - 1, turns: 1, contentRate })
      if (trace !== undefined) yield* exporter.send(trace)
    },
    Effect.provide(services),
    Effect.catch((error) => Effect.logWarning("a trace could not be read", error))
  )

  /** When it is over, the alarm stands for what is left: nothing, a time to go on, or input that came in the meantime. */
  const turn = Effect.gen(function* () {
    yield* wakeIn(ahead)
    // Whoever lists sessions is shown that it runs once it has run for a moment: most turns are over before.
    const show = Effect.uninterruptible(Effect.andThen(indexOrLog, tell))
    const running = yield* Effect.forkChild(Effect.delay(show, "250 millis"))
    const before = yield* loop.snapshot
    yield* loop.run
    yield* FiberSet.run(exports, exportTurn(before.lastSeq))
    yield* Fiber.interrupt(running)
    yield* indexOrLog
    failures = 0
    const again = yield* tell
    const action = yield* loop.next
    if (action.type !== "rest" && action.type !== "wait") return
    const until = Math.min(action.until ?? Infinity, again ?? Infinity)
    yield* until === Infinity ? alarm.clear : alarm.set(until)
    // What was accepted in the meantime must be woken for.
    if (action.type === "rest" && (yield* isLeft)) yield* wakeIn(ahead)
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.andThen(
        Effect.logError("the session stopped working; its alarm wakes it", cause),
        Effect.ignore(Effect.suspend(() => wakeIn(Math.min(ahead * 2 ** failures++, longestPause))))
      )
    )
  )

  const start = FiberSet.run(turns, turn)

  return {
    view,
    index,
    indexOrLog,
    tell,
    /** Before anything is accepted: it must be woken for, whatever happens next. */
    expect: wakeIn(ahead),
    start,
    /** For a session that was just opened: goes on where there is something left, whatever became of its alarm. Answers whether there is. */
    resume: Effect.tap(isPending, (isPending) => (isPending ? start : Effect.void)),
    rouse: Effect.gen(function* () {
      yield* index
      const isLeft = yield* isPending
      if (isLeft && (yield* FiberSet.size(turns)) === 0) yield* start
      return isLeft
    }),
    /** Goes on with what is left to do; does nothing where the session is at work already. */
    wake: Effect.flatMap(FiberSet.size(turns), (running) => (running > 0 ? wakeIn(ahead) : start))
  }
})
