import { Config, Context, Effect, Latch, Layer, Semaphore, type Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import type { ClientEvent } from "../domain/Event.ts"
import { EventId, type SessionId } from "../domain/Ids.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { ModelClient } from "../ModelClient.ts"
import { SessionConflict, type SessionNotFound } from "../Sessions.ts"
import type { LogEntry, Storage, StorageError } from "../Storage.ts"
import { ToolRegistry } from "../ToolRegistry.ts"
import * as Actions from "./Actions.ts"
import type { Frame } from "./LiveFeed.ts"
import * as SessionLog from "./SessionLog.ts"
import { fold } from "./State.ts"
import * as Turn from "./Turn.ts"

/** Stands for the id of an event that is not logged yet. */
const pending = EventId.make("sevt_pending")

export const AgentLoopConfig = Config.all({
  /** Model requests that one turn may make. */
  maxSteps: Config.Int("OWNLOOP_MAX_STEPS").pipe(Config.withDefault(100))
})

/** One session's loop: asks `Turn` what to do next, does it through the services, logs what came of it, and asks again. */
export class AgentLoop extends Context.Service<
  AgentLoop,
  {
    readonly snapshot: Effect.Effect<SessionLog.Snapshot, SessionNotFound | StorageError>
    /** Creates the session, or changes its record. */
    putRecord(record: SessionRecord): Effect.Effect<void, SessionNotFound | StorageError>
    /** Logs what a client sent, all of it or none. What follows from it is done by `run`. */
    send(
      events: ReadonlyArray<ClientEvent>
    ): Effect.Effect<ReadonlyArray<LogEntry>, SessionNotFound | SessionConflict | StorageError>
    /** Works until there is nothing left to do without a client. */
    readonly run: Effect.Effect<void, SessionNotFound | StorageError>
    /** Whether `run` has something to do. */
    readonly isBusy: Effect.Effect<boolean, SessionNotFound | StorageError>
    /** Whether somebody follows. */
    readonly isWatched: Effect.Effect<boolean>
    readonly destroy: Effect.Effect<void, StorageError>
    /** Every entry after `seq`, and then what happens, for ever. */
    follow(seq: number): Stream.Stream<Frame, StorageError>
  }
>()("ownloop/loop/AgentLoop") {
  static readonly layer = (
    id: SessionId
  ): Layer.Layer<AgentLoop, Config.ConfigError, Storage | ModelClient | ToolRegistry | SecureRandom.SecureRandom> =>
    Layer.effect(
      AgentLoop,
      Effect.gen(function* () {
        const services = yield* Effect.context<ModelClient | SecureRandom.SecureRandom>()
        const limits = yield* AgentLoopConfig
        const log = yield* SessionLog.make(id)
        const actions = yield* Actions.make(log)
        /** Opened by an interrupt, which so ends what is being done. */
        const interrupt = yield* Latch.make()
        const oneAtATime = Semaphore.withPermit(yield* Semaphore.make(1))

        const send = Effect.fn("AgentLoop.send")(function* (events: ReadonlyArray<ClientEvent>) {
          const { record, state } = yield* log.snapshot
          // Each is checked against the state that those before it lead to.
          let expected = state
          for (const event of events) {
            const detail = record.archived_at === null ? Turn.refuse(expected, event) : "it is archived"
            if (detail !== null) return yield* new SessionConflict({ id, detail })
            expected = fold(expected, { ...event, id: pending, processed_at: null })
          }
          const entries = yield* log.append(
            events.map((event) => (event.type === "user.message" ? { ...event, processed_at: null } : event))
          )
          if ((yield* log.snapshot).state.interrupted) yield* interrupt.open
          return entries
        })

        /** Until there is nothing to do, or an interrupt is to be answered. */
        const work = Effect.gen(function* () {
          while (true) {
            const { state } = yield* log.snapshot
            const action = Turn.next(state, limits)
            if (action.type === "rest" || state.interrupted) return
            yield* actions.perform(action)
          }
        })

        const run = Effect.fn("AgentLoop.run")(function* () {
          yield* actions.settleInDoubt()
          while (true) {
            yield* interrupt.close
            yield* Effect.raceFirst(work, interrupt.await)
            const { state } = yield* log.snapshot
            const action = Turn.next(state, limits)
            if (action.type === "rest") return
            yield* actions.perform(action)
          }
        }, oneAtATime)

        return AgentLoop.of({
          snapshot: log.snapshot,
          putRecord: log.putRecord,
          send: (events) => Effect.provide(send(events), services),
          run: Effect.provide(run(), services),
          isBusy: Effect.map(log.snapshot, ({ state }) => Turn.next(state, limits).type !== "rest"),
          destroy: Effect.provide(log.destroy, services),
          follow: log.follow,
          isWatched: log.isWatched
        })
      })
    )
}
