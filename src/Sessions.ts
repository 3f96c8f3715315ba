import { Context, type Effect, Schema } from "effect"
import type { MetadataFull } from "./domain/Common.ts"
import type { ClientEvent, SessionEvent } from "./domain/Event.ts"
import type { SessionId } from "./domain/Ids.ts"
import type { Session, SessionRecord } from "./domain/Session.ts"
import type { EventQuery, LogEntry, StorageError } from "./Storage.ts"

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

export interface StreamOptions {
  /** Which events are also previewed while they are being written (`event_deltas[]` of the wire API). */
  readonly deltas: ReadonlySet<"agent.message" | "agent.thinking">
}

/** The sessions of this deployment, wherever each of them runs. */
export class Sessions extends Context.Service<
  Sessions,
  {
    /** Durable when it answers, initial events included; the turn they start runs on by itself. */
    create(record: SessionRecord, initialEvents: ReadonlyArray<ClientEvent>): Effect.Effect<Session, StorageError>
    get(id: SessionId): Effect.Effect<Session, SessionNotFound | StorageError>
    /** Changes what is given; only while idle. A metadata value of null removes its key. */
    update(
      id: SessionId,
      change: {
        readonly title?: string | null
        readonly metadata?: { readonly [key: string]: string | null }
      }
    ): Effect.Effect<Session, SessionNotFound | SessionConflict | MetadataFull | StorageError>
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
    /** Server-sent events, as bytes, until the client goes away: first the turn that is not over yet, then what happens. */
    stream(
      id: SessionId,
      options: StreamOptions
    ): Effect.Effect<ReadableStream<Uint8Array>, SessionNotFound | StorageError>
  }
>()("ownloop/Sessions") {}
