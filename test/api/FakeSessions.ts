import { Effect, Layer, Stream, Struct } from "effect"
import { Catalog } from "../../src/Catalog.ts"
import { patchMetadata } from "../../src/domain/Common.ts"
import type { ClientEvent, SessionEvent } from "../../src/domain/Event.ts"
import { EventId, type SessionId } from "../../src/domain/Ids.ts"
import type { Session, SessionRecord } from "../../src/domain/Session.ts"
import type { WorkspaceSnapshot } from "../../src/domain/WorkspaceSnapshot.ts"
import {
  AheadOfLog,
  SessionConflict,
  SessionNotFound,
  Sessions,
  type StreamOptions,
  WebSocketsMissing
} from "../../src/Sessions.ts"
import type { EventQuery, LogEntry } from "../../src/Storage.ts"
import { session } from "../support/records.ts"

interface Fake {
  readonly record: SessionRecord
  readonly log: Array<SessionEvent>
}

/** What a test can see and set of the sessions below. */
export class SessionsState {
  readonly sessions = new Map<SessionId, Fake>()
  readonly queries: Array<EventQuery> = []
  /** What each stream was opened with. */
  readonly streams: Array<StreamOptions> = []
  /** These refuse what only an idle session allows. */
  readonly running = new Set<string>()
  hasWebSockets = true
  /** What is kept of each session's workspace. */
  snapshots: ReadonlyArray<WorkspaceSnapshot> = []
  /** What `stream` answers. */
  frames: Stream.Stream<string> = Stream.empty

  find(id: SessionId): Effect.Effect<Fake, SessionNotFound> {
    const fake = this.sessions.get(id)
    return fake === undefined ? Effect.fail(new SessionNotFound({ id })) : Effect.succeed(fake)
  }

  show(record: SessionRecord): Session {
    const status = this.running.has(record.id) ? "running" : "idle"
    return session(record.id.slice("sesn_".length), { ...Struct.omit(record, ["id", "environment"]), status })
  }
}

const minute = (seq: number) => `2026-11-22T16:${String(seq % 60).padStart(2, "0")}:00.000Z`

const append = (log: Array<SessionEvent>, events: ReadonlyArray<ClientEvent>) =>
  events.map((event) => {
    const seq = log.length + 1
    const logged = { ...event, id: EventId.make(`sevt_${seq}`), processed_at: minute(seq) }
    log.push(logged)
    return logged
  })

/** Sessions without a loop: they keep what they are sent, and nothing ever happens to it. */
export const layer = (state: SessionsState): Layer.Layer<Sessions, never, Catalog> =>
  Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const catalog = yield* Catalog

      const idle = Effect.fnUntraced(function* (id: SessionId) {
        const fake = yield* state.find(id)
        if (state.running.has(id)) return yield* new SessionConflict({ id, detail: "it is running" })
        return fake
      })
      const put = Effect.fnUntraced(function* (record: SessionRecord, log: Array<SessionEvent>) {
        state.sessions.set(record.id, { record, log })
        yield* catalog.putSession(state.show(record))
        return state.show(record)
      })
      const open = Effect.fnUntraced(function* (id: SessionId, options: StreamOptions) {
        const { log } = yield* state.find(id)
        const { after = 0 } = options
        if (after > log.length) return yield* new AheadOfLog({ id, after, last: log.length })
        state.streams.push(options)
      })
      return Sessions.of({
        create: (record, initialEvents) => {
          const log: Array<SessionEvent> = []
          append(log, initialEvents)
          return put(record, log)
        },
        get: (id) => Effect.map(state.find(id), ({ record }) => state.show(record)),
        update: Effect.fnUntraced(function* (id, { title, metadata }) {
          const { record, log } = yield* idle(id)
          return yield* put(
            {
              ...record,
              title: title === undefined ? record.title : title,
              metadata: yield* patchMetadata(record.metadata, metadata)
            },
            log
          )
        }),
        rouse: (id) => Effect.as(state.find(id), false),
        archive: Effect.fnUntraced(function* (id) {
          const { record, log } = yield* idle(id)
          return yield* put({ ...record, archived_at: minute(0) }, log)
        }),
        delete: Effect.fnUntraced(function* (id) {
          yield* idle(id)
          state.sessions.delete(id)
          yield* catalog.deleteSession(id)
        }),
        send: Effect.fnUntraced(function* (id, events) {
          const { record, log } = yield* state.find(id)
          if (record.archived_at !== null) return yield* new SessionConflict({ id, detail: "it is archived" })
          return append(log, events)
        }),
        events: Effect.fnUntraced(function* (id, query) {
          const { log } = yield* state.find(id)
          state.queries.push(query)
          const { after, limit, order, types, createdAt } = query
          const entries = log.map((event, index): LogEntry => ({ seq: index + 1, event }))
          return (order === "asc" ? entries : entries.toReversed())
            .filter(({ seq }) => after === undefined || (order === "asc" ? seq > after : seq < after))
            .filter(({ event }) => types === undefined || types.includes(event.type))
            .filter(({ seq }) => createdAt?.gt === undefined || minute(seq) > createdAt.gt)
            .slice(0, limit)
        }),
        stream: Effect.fnUntraced(function* (id, options) {
          yield* open(id, options)
          return Stream.toReadableStream(Stream.encodeText(state.frames))
        }),
        export: Effect.fnUntraced(function* (id) {
          yield* state.find(id)
          return Stream.toReadableStream(Stream.encodeText(state.frames))
        }),
        traces: (id) => Effect.as(state.find(id), []),
        snapshots: (id) => Effect.as(state.find(id), state.snapshots),
        connect: Effect.fnUntraced(function* (id, options) {
          if (!state.hasWebSockets) return yield* new WebSocketsMissing()
          yield* open(id, options)
          // Stands for the answer to an upgrade, which only a Worker can make.
          return new Response("a socket")
        })
      })
    })
  )
