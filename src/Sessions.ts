import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Budget, BudgetRefused } from "./domain/Budget.ts"
import type { MetadataFull } from "./domain/Common.ts"
import type { ClientEvent, SessionEvent } from "./domain/Event.ts"
import type { SessionId } from "./domain/Ids.ts"
import type { Session, SessionRecord } from "./domain/Session.ts"
import type { WorkspaceSnapshot } from "./domain/WorkspaceSnapshot.ts"
import type { EventQuery, LogEntry, StorageError } from "./Storage.ts"
import type { Trace } from "./trace/Span.ts"

/** One event of another session's log, with the whole text of a result of which the event shows only the ends. */
export interface Inherited {
  readonly event: SessionEvent
  readonly text?: string
}

export class SessionNotFound extends Schema.TaggedError<SessionNotFound>()("SessionNotFound", { id: Schema.String }) {
  override get message(): string {
    return `session ${this.id} does not exist`
  }
}

/** The session exists, but is not in a state that allows this. */
export class SessionConflict extends Schema.TaggedError<SessionConflict>()("SessionConflict", {
  id: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `session ${this.id}: ${this.detail}`
  }
}

/** What a client says it has seen is not in this log: so it is of another one, or of one that was lost in part. */
export class AheadOfLog extends Schema.TaggedError<AheadOfLog>()("AheadOfLog", {
  id: Schema.String,
  after: Schema.Int,
  last: Schema.Int
}) {
  override get message(): string {
    return `last-event-id: ${this.after} is ahead of the log of ${this.id}, which ends at ${this.last}; read the events from the beginning`
  }
}

export class WebSocketsMissing extends Schema.TaggedError<WebSocketsMissing>()("WebSocketsMissing", {}) {
  override get message(): string {
    return "upgrade: this deployment has no WebSockets; read the events as a stream of server-sent events"
  }
}

export interface StreamOptions {
  /** Which events are also previewed while they are being written (`event_deltas[]` of the wire API). */
  readonly deltas: ReadonlySet<"agent.message" | "agent.thinking">
  /** Place in the log of the last event that the client has (`Last-Event-ID`): the stream goes on after it. */
  readonly after?: number
}

/** A metadata value of null removes its key, a budget of null the budget. */
export interface SessionChange {
  readonly title?: string | null
  readonly metadata?: { readonly [key: string]: string | null }
  readonly budget?: Budget | null
}

/** The sessions of this deployment, wherever each of them runs. */
export class Sessions extends Context.Service<
  Sessions,
  {
    /**
     * Durable when it answers, initial events included; the turn they start runs on by itself. A session that is there already stays as it
     * is: whoever does not know whether this was done before does it again.
     */
    create(
      record: SessionRecord,
      initialEvents: ReadonlyArray<ClientEvent>,
      /** Of a fork: the log that it goes on from. */
      inherited?: ReadonlyArray<Inherited>
    ): Effect.Effect<Session, StorageError>
    get(id: SessionId): Effect.Effect<Session, SessionNotFound | StorageError>
    /** Changes what is given. Only while idle, but for a budget by itself; a raised one lets a session go on that it held up. */
    update(
      id: SessionId,
      change: SessionChange
    ): Effect.Effect<Session, SessionNotFound | SessionConflict | MetadataFull | BudgetRefused | StorageError>
    /**
     * Lets a session go on that has something left to do or to tell. Answers whether it was asleep: nothing would have woken it, or it
     * should have been woken long before.
     */
    rouse(id: SessionId): Effect.Effect<boolean, SessionNotFound | StorageError>
    /** Ends the session for good; only while idle. Its events stay readable. */
    archive(id: SessionId): Effect.Effect<Session, SessionNotFound | SessionConflict | StorageError>
    /** Forgets the session; only while idle. */
    delete(id: SessionId): Effect.Effect<void, SessionNotFound | SessionConflict | StorageError>
    /** Durable when it answers. The answer holds the events as they were logged. */
    send(
      id: SessionId,
      events: ReadonlyArray<ClientEvent>
    ): Effect.Effect<ReadonlyArray<SessionEvent>, SessionNotFound | SessionConflict | StorageError>
    events(id: SessionId, query: EventQuery): Effect.Effect<ReadonlyArray<LogEntry>, SessionNotFound | StorageError>
    /**
     * Server-sent events, as bytes, until the client goes away: first what came after the event that it has, or the turn that is not
     * over yet, then what happens.
     */
    stream(
      id: SessionId,
      options: StreamOptions
    ): Effect.Effect<ReadableStream<Uint8Array>, SessionNotFound | AheadOfLog | StorageError>
    /** The same over a WebSocket: what the host answers the client's upgrade request with. */
    connect(
      id: SessionId,
      options: StreamOptions
    ): Effect.Effect<Response, SessionNotFound | AheadOfLog | WebSocketsMissing | StorageError>
    /** The session in one file, as `src/trace/Export.ts` describes it; read from the log while it is sent. */
    export(id: SessionId): Effect.Effect<ReadableStream<Uint8Array>, SessionNotFound | StorageError>
    /** What is kept of its workspace, newest first. A conflict where its backend keeps files by itself. */
    snapshots(
      id: SessionId
    ): Effect.Effect<ReadonlyArray<WorkspaceSnapshot>, SessionNotFound | SessionConflict | StorageError>
    /** The last turns, oldest first, the one that goes on included. */
    traces(id: SessionId, turns: number): Effect.Effect<ReadonlyArray<Trace>, SessionNotFound | StorageError>
  }
>()("ownloop/Sessions") {}
