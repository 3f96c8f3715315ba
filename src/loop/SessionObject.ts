import * as Stream from "effect/Stream"
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type { Alarm } from "../Alarm.ts"
import type { Artifacts } from "../Artifacts.ts"
import { blobKey, Blobs } from "../Blobs.ts"
import { Catalog } from "../Catalog.ts"
import type { BudgetRefused } from "../domain/Budget.ts"
import { type MetadataFull, now, patchMetadata } from "../domain/Common.ts"
import type { EgressApproval, EgressDecision } from "../domain/Egress.ts"
import type { ClientEvent, SessionEvent } from "../domain/Event.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { Session, SessionRecord } from "../domain/Session.ts"
import type { EgressQuestion } from "../EgressPolicy.ts"
import { Outbox } from "../Outbox.ts"
import {
  type AheadOfLog,
  type Inherited,
  type SessionChange,
  SessionConflict,
  type SessionNotFound,
  type StreamOptions
} from "../Sessions.ts"
import { SandboxBackend } from "../SandboxBackend.ts"
import { type EventQuery, type LogEntry, Storage, type StorageError } from "../Storage.ts"
import { exportSession } from "../trace/exportSession.ts"
import * as SessionTraces from "../trace/SessionTraces.ts"
import type { Trace } from "../trace/Span.ts"
import type { TraceExporter } from "../TraceExporter.ts"
import type { Workspace } from "../Workspace.ts"
import { AgentLoop } from "./AgentLoop.ts"
import * as EventStream from "./EventStream.ts"
import type { Frame } from "./LiveFeed.ts"
import * as Received from "./Received.ts"
import * as Spent from "./Spent.ts"
import * as Unseen from "./Unseen.ts"
import * as Work from "./Work.ts"

type Missing = SessionNotFound | StorageError
type Refused = Missing | SessionConflict

/** One session, as whoever holds it serves it: a Durable Object, or a process in a test. Each method is that of `Sessions`. */
export class SessionObject extends Context.Service<
  SessionObject,
  {
    create(
      record: SessionRecord,
      initialEvents: ReadonlyArray<ClientEvent>,
      inherited?: ReadonlyArray<Inherited>
    ): Effect.Effect<Session, Refused>
    readonly get: Effect.Effect<Session, Missing>
    update(change: SessionChange): Effect.Effect<Session, Refused | MetadataFull | BudgetRefused>
    readonly archive: Effect.Effect<Session, Refused>
    readonly delete: Effect.Effect<void, Refused>
    send(events: ReadonlyArray<ClientEvent>): Effect.Effect<ReadonlyArray<SessionEvent>, Refused>
    events(query: EventQuery): Effect.Effect<ReadonlyArray<LogEntry>, Missing>
    stream(options: StreamOptions): Effect.Effect<ReadableStream<Uint8Array>, Missing | AheadOfLog>
    /** Shows what was decided about a request of a tool call that is running. */
    noteEgress(decision: EgressDecision): Effect.Effect<void, Missing>
    /** What a person said of a request, or says once it was asked. */
    approveEgress(question: EgressQuestion): Effect.Effect<EgressApproval | "unasked", Missing>
    readonly export: Effect.Effect<ReadableStream<Uint8Array>, Missing>
    /** The last turns, oldest first, the one that goes on included. */
    traces(turns: number): Effect.Effect<ReadonlyArray<Trace>, Missing>
    /** The place in the log after which a stream begins that opens now. */
    begin(options: StreamOptions): Effect.Effect<number, Missing | AheadOfLog>
    /** Frames after a place, for a listener that may outlive this process: it has no heartbeat, and is never let go. */
    follow(place: number, deltas: StreamOptions["deltas"]): Stream.Stream<Frame>
    /** Goes on with what is left to do; does nothing where the session is at work already. */
    readonly wake: Effect.Effect<void, StorageError>
    /** The same for a session that was just opened, which need not have anything to do. Answers whether it had. */
    readonly resume: Effect.Effect<boolean, Missing>
    /** Shows lists the session as it is, and answers whether it has something left to do or to tell. */
    readonly rouse: Effect.Effect<boolean, Missing>
  }
>()("ownloop/loop/SessionObject") {
  static readonly layer = (
    id: SessionId
  ): Layer.Layer<
    SessionObject,
    Config.ConfigError,
    AgentLoop | Artifacts | SandboxBackend | Storage | Workspace | Blobs | Catalog | Alarm | Outbox | TraceExporter
  > =>
    Layer.effect(
      SessionObject,
      Effect.gen(function* () {
        const loop = yield* AgentLoop
        const storage = yield* Storage
        const catalog = yield* Catalog
        const blobs = yield* Blobs
        const outbox = yield* Outbox
        const sandbox = yield* SandboxBackend
        const oneAtATime = Semaphore.withPermit(yield* Semaphore.make(1))
        const contentRate = yield* SessionTraces.contentRate
        const work = yield* Work.make(loop, contentRate)
        const unseen = Unseen.make(loop)
        const received = yield* Received.make(id)

        const get = work.view

        const whileIdle = Effect.fnUntraced(function* (operation: string) {
          const snapshot = yield* loop.snapshot
          if (!(yield* work.isBusy)) return snapshot
          return yield* new SessionConflict({ id, detail: `it is running: interrupt it before you ${operation} it` })
        })

        const create = Effect.fn("SessionObject.create")(function* (
          record: SessionRecord,
          initialEvents: ReadonlyArray<ClientEvent>,
          inherited: ReadonlyArray<Inherited> = []
        ) {
          // Whoever starts a session may not know whether it did so before.
          const before = yield* Effect.catchTag(loop.snapshot, "SessionNotFound", () => Effect.succeed(null))
          if (before === null) {
            for (const { event, text } of inherited) {
              if (text !== undefined) yield* blobs.put(blobKey(id, event.id), text)
            }
            yield* outbox.begin(record, inherited.length)
            yield* loop.putRecord(record)
            if (record.forked_from) yield* loop.inherit(record.forked_from, inherited, initialEvents)
          }
          if (record.forked_from) yield* work.expect
          else if (initialEvents.length > 0) {
            yield* work.expect
            if ((yield* loop.snapshot).lastSeq === 0) yield* accept(initialEvents)
          }
          const indexing = yield* Effect.forkChild(work.indexOrLog, { startImmediately: true })
          yield* initialEvents.length > 0 || record.forked_from ? work.start : work.resume
          yield* Fiber.join(indexing)
          return yield* get
        }, oneAtATime)

        const update = Effect.fn("SessionObject.update")(function* ({ title, metadata, budget }: SessionChange) {
          const isBudgetAlone = title === undefined && metadata === undefined
          const { record, state } = isBudgetAlone ? yield* loop.snapshot : yield* whileIdle("update")
          if (record.archived_at !== null) return yield* new SessionConflict({ id, detail: "it is archived" })
          const changed = {
            ...(title === undefined ? {} : { title }),
            ...(metadata === undefined ? {} : { metadata: yield* patchMetadata(record.metadata, metadata) }),
            ...(budget === undefined ? {} : { budget: yield* Spent.change(state.spent, record.budget, budget) })
          }
          const noted = budget === undefined ? changed : { ...changed, previous_budget: record.budget }
          if (budget !== undefined) yield* work.expect
          yield* unseen.beginsWork(Effect.andThen(loop.putRecord({ ...record, ...changed }), loop.noteChange(noted)))
          yield* budget === undefined ? work.resume : work.start
          return yield* work.index
        })

        /** One that cannot be given up now ends by itself when nobody has used it for a while. */
        const release = Effect.catch(sandbox.release, (error) =>
          Effect.logWarning("the sandbox was not given up", error)
        )

        const archive = Effect.fn("SessionObject.archive")(function* () {
          const { record } = yield* whileIdle("archive")
          if (record.archived_at === null) yield* loop.putRecord({ ...record, archived_at: yield* now })
          yield* release
          return yield* work.index
        })

        const destroy = Effect.fn("SessionObject.delete")(function* () {
          yield* whileIdle("delete")
          if ((yield* work.tell) !== null) {
            return yield* new SessionConflict({
              id,
              detail: "what became of it could not be told yet: delete it later"
            })
          }
          yield* release
          // The log goes last: while it is there, a deletion that broke off can be asked for again.
          yield* blobs.deleteAll(`${id}/`)
          yield* catalog.deleteSession(id)
          yield* loop.destroy
        })

        const accept = (events: ReadonlyArray<ClientEvent>) => unseen.beginsWork(loop.send(events))

        const send = Effect.fn("SessionObject.send")(function* (events: ReadonlyArray<ClientEvent>) {
          yield* work.expect
          const entries = yield* received.once(events, accept)
          yield* work.start
          return entries.map(({ event }) => event)
        })

        const events = Effect.fn("SessionObject.events")(function* (query: EventQuery) {
          yield* loop.snapshot
          return yield* storage.events(query)
        })

        const begin = Effect.fn("SessionObject.begin")((options: StreamOptions) => unseen.begin(options))

        const stream = Effect.fn("SessionObject.stream")(function* (options: StreamOptions) {
          const frames = loop.follow(yield* begin(options), { deltas: options.deltas, heartbeat: true })
          return yield* Stream.toReadableStreamEffect(EventStream.encode(frames))
        })

        const services = yield* Effect.context<Storage | Blobs | Catalog>()
        const exported = Effect.fn("SessionObject.export")(function* () {
          const { lastSeq, record } = yield* loop.snapshot
          const text = exportSession(record, lastSeq).pipe(Stream.unwrap, Stream.provideContext(services))
          return yield* Stream.toReadableStreamEffect(Stream.encodeText(text))
        })

        const traces = Effect.fn("SessionObject.traces")(function* (turns: number) {
          const { record } = yield* loop.snapshot
          return yield* SessionTraces.last(record, { turns, contentRate })
        }, Effect.provide(services))

        return SessionObject.of({
          create,
          get,
          update,
          archive: archive(),
          delete: destroy(),
          send,
          events,
          stream,
          noteEgress: loop.noteEgress,
          approveEgress: loop.approveEgress,
          export: exported(),
          traces,
          begin,
          follow: (place, deltas) => EventStream.orBroken(loop.follow(place, { deltas, heartbeat: false })),
          wake: work.wake,
          rouse: work.rouse,
          resume: work.resume
        })
      })
    )
}
