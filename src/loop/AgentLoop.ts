import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type * as Stream from "effect/Stream"
import * as Digest from "effect/crypto/Digest"
import type * as SecureRandom from "effect/crypto/SecureRandom"
import type { Blobs } from "../Blobs.ts"
import type { EgressApproval, EgressDecision } from "../domain/Egress.ts"
import type { ClientEvent, SessionEvent } from "../domain/Event.ts"
import { EventId, type SessionId } from "../domain/Ids.ts"
import type { ForkedFrom, SessionRecord } from "../domain/Session.ts"
import { smallestWindow, usualWindow } from "../model/Profiles.ts"
import type { ModelClient } from "../ModelClient.ts"
import type { Snapshots } from "../Snapshots.ts"
import { type Inherited, SessionConflict, type SessionNotFound } from "../Sessions.ts"
import type { LogEntry, Storage, StorageError } from "../Storage.ts"
import type { ToolRegistry } from "../ToolRegistry.ts"
import type { PolicyAmendments } from "../egress/amend.ts"
import { urlOf } from "../egress/target.ts"
import type { EgressQuestion } from "../EgressPolicy.ts"
import * as Actions from "./Actions.ts"
import * as Approvals from "./Approvals.ts"
import { unanswered } from "./Calls.ts"
import * as EgressNotes from "./EgressNotes.ts"
import { fold } from "./fold.ts"
import type { FollowOptions, Frame } from "./LiveFeed.ts"
import type { Rebuild } from "./Rebuild.ts"
import * as Recovery from "./Recovery.ts"
import { refuse } from "./refuse.ts"
import * as SessionLog from "./SessionLog.ts"
import * as Turn from "./Turn.ts"

/** How long a person may take to answer whether a request may be sent: from then on it is blocked. */
const patience = "24 hours"

/** Until a turn takes it in. */
const queued = (event: ClientEvent): SessionLog.NewEvent =>
  event.type === "user.message" ? { ...event, processed_at: null } : event

/** Stands for the id of an event that is not logged yet. */
const pending = EventId.make("sevt_pending")

export const AgentLoopConfig = Config.all({
  /** Model requests that one turn may make. */
  maxSteps: Config.Int("OWNLOOP_MAX_STEPS").pipe(Config.withDefault(100)),
  /** Times in a row that a session waits (30 s, 1 min, then 2 min) for models that failed, before its turn ends. */
  maxReschedules: Config.Int("OWNLOOP_MAX_RESCHEDULES").pipe(Config.withDefault(3)),
  /** Tokens that a model holds of which nothing is known. */
  usualWindow: Config.Int("OWNLOOP_CONTEXT_WINDOW").pipe(Config.withDefault(usualWindow))
})

type MachineStopping = Extract<SessionEvent, { readonly type: "session.machine_stopping" }>
type SessionUpdated = Extract<SessionEvent, { readonly type: "session.updated" }>

type Needs =
  | Storage
  | Blobs
  | PolicyAmendments
  | Rebuild
  | ModelClient
  | ToolRegistry
  | Snapshots
  | SecureRandom.SecureRandom

/** One session's loop: asks `Turn` what to do next, does it through the services, logs what came of it, and asks again. */
export class AgentLoop extends Context.Service<
  AgentLoop,
  {
    readonly snapshot: Effect.Effect<SessionLog.Snapshot, SessionNotFound | StorageError>
    /** Creates the session, or changes its record. */
    putRecord(record: SessionRecord): Effect.Effect<void, SessionNotFound | StorageError>
    /** Begins a fork: with what it goes on from, and what is added to that. */
    inherit(
      from: typeof ForkedFrom.Type,
      inherited: ReadonlyArray<Inherited>,
      added: ReadonlyArray<ClientEvent>
    ): Effect.Effect<void, SessionNotFound | StorageError>
    /** Logs what a client sent, all of it or none. What follows from it is done by `run`. */
    send(
      events: ReadonlyArray<ClientEvent>
    ): Effect.Effect<ReadonlyArray<LogEntry>, SessionNotFound | SessionConflict | StorageError>
    /** Works until there is nothing left to do now. */
    readonly run: Effect.Effect<void, SessionNotFound | StorageError>
    /** What `run` would do. */
    readonly next: Effect.Effect<Turn.Action, SessionNotFound | StorageError>
    /** Whether that is something that clients have to wait for. */
    readonly isAtWork: Effect.Effect<boolean, SessionNotFound | StorageError>
    /** Logs what was changed of the session itself. */
    noteChange(
      change: Omit<SessionUpdated, "type" | "id" | "processed_at">
    ): Effect.Effect<void, SessionNotFound | StorageError>
    /** Logs that the session's machine is about to be stopped: what is in it is saved before. */
    noteStopping(reason: MachineStopping["reason"]): Effect.Effect<void, SessionNotFound | StorageError>
    /** Shows what was decided about a request, in the log, once the tool call has a result that it was made for. */
    noteEgress(decision: EgressDecision): Effect.Effect<void, SessionNotFound | StorageError>
    /** What a person said of a request, or says once it was asked. An approval for one request is used up, in the log, before this answers. */
    approveEgress(question: EgressQuestion): Effect.Effect<EgressApproval | "unasked", SessionNotFound | StorageError>
    /** Whether somebody follows. */
    readonly isWatched: Effect.Effect<boolean>
    readonly destroy: Effect.Effect<void, StorageError>
    /** Every entry after `seq`, and then what happens, for ever. */
    follow(seq: number, options: FollowOptions): Stream.Stream<Frame, StorageError>
  }
>()("ownloop/loop/AgentLoop") {
  static readonly layer = (id: SessionId): Layer.Layer<AgentLoop, Config.ConfigError, Needs> =>
    Layer.effect(
      AgentLoop,
      Effect.gen(function* () {
        const services = yield* Effect.context<ModelClient | SecureRandom.SecureRandom | Blobs | Digest.Digest>()
        const config = yield* AgentLoopConfig
        const log = yield* SessionLog.make(id)
        const limitsOf = (
          { record: { agent, budget, environment, output_config } }: SessionLog.Snapshot,
          now: number
        ): Turn.Limits => {
          const models = [agent.model.id, ...(agent.model.fallbacks ?? [])]
          return {
            ...config,
            budget,
            isStructured: output_config !== undefined,
            savesWorkspace: environment.backend === "microvm",
            models,
            contextWindow: smallestWindow(models, config.usualWindow),
            now
          }
        }
        const notes = EgressNotes.make()
        const perform = yield* Actions.make(log, limitsOf, notes)
        const recover = yield* Recovery.make(log)
        /** Opened by an interrupt, which so ends what is being done. */
        const interrupt = yield* Latch.make()
        /** Whoever writes does not wait until the workspace is saved: it is saved again later. */
        let isSaving = false
        const oneAtATime = Semaphore.withPermit(yield* Semaphore.make(1))

        /** What to do next, and what that was decided on: read last, so that little can come in between. */
        const decide = Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const snapshot = yield* log.snapshot
          return { action: Turn.next(snapshot.state, limitsOf(snapshot, now)), snapshot }
        })

        const send = Effect.fn("AgentLoop.send")(function* (events: ReadonlyArray<ClientEvent>) {
          const { record, state } = yield* log.snapshot
          // Each is checked against the state that those before it lead to.
          let expected = state
          for (const event of events) {
            const detail = record.archived_at === null ? refuse(expected, event) : "it is archived"
            if (detail !== null) return yield* new SessionConflict({ id, detail })
            expected = fold(expected, { ...event, id: pending, processed_at: null })
          }
          const entries = yield* log.append(events.map(queued))
          if ((yield* log.snapshot).state.interrupted || isSaving) yield* interrupt.open
          return entries
        })

        const inherit = Effect.fn("AgentLoop.inherit")(function* (
          from: typeof ForkedFrom.Type,
          inherited: ReadonlyArray<Inherited>,
          added: ReadonlyArray<ClientEvent>
        ) {
          yield* log.append([
            ...inherited.map(({ event }) => event),
            ...added.map(queued),
            { type: "session.forked", ...from }
          ])
        })

        const approveEgress = Effect.fn("AgentLoop.approveEgress")(
          function* (question: EgressQuestion) {
            const { state } = yield* log.snapshot
            const { tool_use_id } = question
            const said = Approvals.find(state, question)
            if (said?.scope === "once") {
              yield* log.append([{ type: "span.egress_approval_used", approval_id: said.id, tool_use_id }])
            }
            if (said !== undefined) return said.scope
            if (tool_use_id === null) return "unasked"
            const expires_at = DateTime.formatIso(DateTime.addDuration(yield* DateTime.now, patience))
            const ask = { ...question, tool_use_id, expires_at }
            const canAsk = Approvals.canAsk(state, ask)
            if (canAsk === "no") return "unasked"
            if (canAsk === "yes")
              yield* log.append([
                {
                  type: "agent.tool_use",
                  name: "egress_request",
                  input: { method: ask.method, url: urlOf(ask) },
                  evaluated_permission: "ask",
                  egress: ask
                }
              ])
            return "asked"
          },
          Semaphore.withPermit(yield* Semaphore.make(1))
        )

        /** Until there is nothing to do, or an interrupt is to be answered. */
        const work = Effect.gen(function* () {
          while (true) {
            const { action, snapshot } = yield* decide
            if (action.type === "rest" || action.type === "wait" || snapshot.state.interrupted) return
            isSaving = action.type === "save"
            yield* perform(action, snapshot)
          }
        })

        const run = Effect.fn("AgentLoop.run")(function* () {
          yield* recover
          while (true) {
            yield* interrupt.close
            yield* Effect.raceFirst(work, interrupt.await)
            isSaving = false
            const { action, snapshot } = yield* decide
            if (action.type === "rest" || action.type === "wait") return
            yield* perform(action, snapshot)
          }
        }, oneAtATime)

        return AgentLoop.of({
          snapshot: log.snapshot,
          putRecord: log.putRecord,
          inherit: (from, inherited, added) => Effect.provide(inherit(from, inherited, added), services),
          send: (events) => Effect.provide(send(events), services),
          run: Effect.provide(run(), services),
          next: Effect.map(decide, ({ action }) => action),
          isAtWork: Effect.map(decide, ({ action, snapshot }) => Turn.isAtWork(snapshot.state, action)),
          noteChange: (change) => Effect.provide(log.append([{ type: "session.updated", ...change }]), services),
          noteStopping: (reason) =>
            Effect.provide(log.append([{ type: "session.machine_stopping", reason }]), services),
          noteEgress: (decision) =>
            Effect.map(log.snapshot, ({ state }) => {
              const toolUse = decision.tool_use_id
              if (toolUse !== null && unanswered(state).some(({ id }) => id === toolUse)) notes.add(toolUse, decision)
            }),
          approveEgress: (question) => Effect.provide(approveEgress(question), services),
          destroy: Effect.provide(log.destroy, services),
          follow: log.follow,
          isWatched: log.isWatched
        })
      })
    ).pipe(Layer.provide(Digest.layerWebCrypto))
}
