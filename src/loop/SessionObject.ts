import { Context, Effect, Equal, Fiber, FiberSet, Layer, Stream } from "effect"
import { Alarm } from "../Alarm.ts"
import { Catalog } from "../Catalog.ts"
import { type MetadataFull, now, patchMetadata } from "../domain/Common.ts"
import type { ClientEvent, SessionEvent } from "../domain/Event.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { Session, SessionRecord } from "../domain/Session.ts"
import { SessionConflict, type SessionNotFound, type Sessions, type StreamOptions } from "../Sessions.ts"
import { type EventQuery, type LogEntry, Storage, type StorageError } from "../Storage.ts"
import { AgentLoop } from "./AgentLoop.ts"
import * as EventStream from "./EventStream.ts"
import * as SessionView from "./SessionView.ts"

type Missing = SessionNotFound | StorageError
type Refused = Missing | SessionConflict
type Change = Parameters<Sessions["Service"]["update"]>[1]

/** One session, as whoever holds it serves it: a Durable Object, or a process in a test. Each method is that of `Sessions`. */
export class SessionObject extends Context.Service<
  SessionObject,
  {
    create(record: SessionRecord, initialEvents: ReadonlyArray<ClientEvent>): Effect.Effect<Session, Refused>
    readonly get: Effect.Effect<Session, Missing>
    update(change: Change): Effect.Effect<Session, Refused | MetadataFull>
    readonly archive: Effect.Effect<Session, Refused>
    readonly delete: Effect.Effect<void, Refused>
    send(events: ReadonlyArray<ClientEvent>): Effect.Effect<ReadonlyArray<SessionEvent>, Refused>
    events(query: EventQuery): Effect.Effect<ReadonlyArray<LogEntry>, Missing>
    stream(options: StreamOptions): Effect.Effect<ReadableStream<Uint8Array>, Missing>
    /** Goes on with what is left to do; does nothing where the session is at work already. */
    readonly wake: Effect.Effect<void, StorageError>
  }
>()("ownloop/loop/SessionObject") {
  static readonly layer = (id: SessionId): Layer.Layer<SessionObject, never, AgentLoop | Storage | Catalog | Alarm> =>
    Layer.effect(
      SessionObject,
      Effect.gen(function* () {
        const loop = yield* AgentLoop
        const storage = yield* Storage
        const catalog = yield* Catalog
        const alarm = yield* Alarm
        const work = yield* FiberSet.make()
        /**
         * Clients either open a stream and then send, or send and then open a stream, perhaps when all is over. So each stretch of work
         * belongs to the stream that was opened last before it, or first after it; what belongs to none yet is shown to the next one.
         * Kept in memory alone: after the object was away, what was over then stays over.
         */
        let workSeq: number | undefined
        let unclaimedSeq: number | undefined
        let awaiting = false

        /** What the catalog's index shows of the session. */
        let indexed: Session | undefined

        const get = Effect.map(loop.snapshot, SessionView.make)

        const index = Effect.tap(get, (session) => {
          if (Equal.equals(session, indexed)) return Effect.void
          indexed = session
          return Effect.tapError(catalog.putSession(session), () => Effect.sync(() => (indexed = undefined)))
        })

        /** The index is no truth: the session goes on without it, and puts it right when it next has something to say. */
        const indexOrLog = Effect.catch(index, (error) => Effect.logError("the session could not be indexed", error))

        const turn = Effect.gen(function* () {
          yield* alarm.set
          // Whoever lists sessions is shown that it runs once it has run for a moment: most turns are over before.
          const running = yield* Effect.forkChild(Effect.delay(Effect.uninterruptible(indexOrLog), "250 millis"))
          yield* loop.run
          yield* Fiber.interrupt(running)
          yield* indexOrLog
          if (!(yield* loop.isBusy)) yield* alarm.clear
        }).pipe(Effect.catchCause((cause) => Effect.logError("the session stopped working; its alarm wakes it", cause)))

        const start = FiberSet.run(work, turn)

        const whileIdle = Effect.fnUntraced(function* (operation: string) {
          const snapshot = yield* loop.snapshot
          if (!(yield* loop.isBusy)) return snapshot
          return yield* new SessionConflict({ id, detail: `it is running: interrupt it before you ${operation} it` })
        })

        const create = Effect.fn("SessionObject.create")(function* (
          record: SessionRecord,
          initialEvents: ReadonlyArray<ClientEvent>
        ) {
          yield* loop.putRecord(record)
          if (initialEvents.length > 0) {
            yield* alarm.set
            yield* accept(initialEvents)
          }
          const indexing = yield* Effect.forkChild(indexOrLog, { startImmediately: true })
          if (initialEvents.length > 0) yield* start
          yield* Fiber.join(indexing)
          return yield* get
        })

        const update = Effect.fn("SessionObject.update")(function* (change: Change) {
          const { record } = yield* whileIdle("update")
          yield* loop.putRecord({
            ...record,
            title: change.title === undefined ? record.title : change.title,
            metadata: yield* patchMetadata(record.metadata, change.metadata)
          })
          return yield* index
        })

        const archive = Effect.fn("SessionObject.archive")(function* () {
          const { record } = yield* whileIdle("archive")
          if (record.archived_at === null) yield* loop.putRecord({ ...record, archived_at: yield* now })
          return yield* index
        })

        const destroy = Effect.fn("SessionObject.delete")(function* () {
          yield* whileIdle("delete")
          yield* loop.destroy
          yield* catalog.deleteSession(id)
        })

        const accept = Effect.fnUntraced(function* (events: ReadonlyArray<ClientEvent>) {
          const { lastSeq } = yield* loop.snapshot
          const wasBusy = yield* loop.isBusy
          const entries = yield* loop.send(events)
          if (!wasBusy) {
            workSeq = lastSeq
            if (!(awaiting && (yield* loop.isWatched))) unclaimedSeq ??= lastSeq
            awaiting = false
          }
          return entries
        })

        const send = Effect.fn("SessionObject.send")(function* (events: ReadonlyArray<ClientEvent>) {
          // Before the events: what is accepted must be woken for, whatever happens next.
          yield* alarm.set
          const entries = yield* accept(events)
          yield* start
          return entries.map(({ event }) => event)
        })

        const events = Effect.fn("SessionObject.events")(function* (query: EventQuery) {
          yield* loop.snapshot
          return yield* storage.events(query)
        })

        const stream = Effect.fn("SessionObject.stream")(function* (options: StreamOptions) {
          const { lastSeq, turnSeq } = yield* loop.snapshot
          const isBusy = yield* loop.isBusy
          const from = unclaimedSeq ?? (isBusy ? (workSeq ?? Math.max(turnSeq - 1, 0)) : lastSeq)
          awaiting = unclaimedSeq === undefined && !isBusy
          unclaimedSeq = undefined
          return yield* Stream.toReadableStreamEffect(EventStream.encode(loop.follow(from), options))
        })

        return SessionObject.of({
          create,
          get,
          update,
          archive: archive(),
          delete: destroy(),
          send,
          events,
          stream,
          wake: Effect.flatMap(FiberSet.size(work), (running) => (running > 0 ? alarm.set : start))
        })
      })
    )
}
