import { Context, type Effect, type Option, Schema } from "effect"
import type { SessionEvent, SessionEventType } from "./domain/Event.ts"
import type { SessionRecord } from "./domain/Session.ts"

export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `storage failed: ${this.operation}`
  }
}

/** An event and its place in the log: from 1, without gaps. */
export interface LogEntry {
  readonly seq: number
  readonly event: SessionEvent
}

export interface EventQuery {
  /** Only entries after (in the order asked for) this place. */
  readonly after?: number
  readonly limit: number
  readonly order: "asc" | "desc"
  readonly types?: ReadonlyArray<SessionEventType>
  /** Bounds on when the event was written, as RFC 3339 timestamps. */
  readonly createdAt?: { readonly gt?: string; readonly gte?: string; readonly lt?: string; readonly lte?: string }
}

/** One session's durable state: its record and its append-only event log. */
export class Storage extends Context.Service<
  Storage,
  {
    /** None where the session was never created, or was deleted. */
    readonly record: Effect.Effect<Option.Option<SessionRecord>, StorageError>
    /** Creates the session, or replaces its record. */
    putRecord(record: SessionRecord): Effect.Effect<void, StorageError>
    /** Appends all of them or none, durably, and answers their places. */
    append(events: ReadonlyArray<SessionEvent>): Effect.Effect<ReadonlyArray<LogEntry>, StorageError>
    /** The whole log, oldest first. */
    readonly log: Effect.Effect<ReadonlyArray<LogEntry>, StorageError>
    /** One page. An event that was logged while queued and again when taken in is answered once, as it stands now. */
    events(query: EventQuery): Effect.Effect<ReadonlyArray<LogEntry>, StorageError>
    /** Forgets everything of this session, files included. */
    readonly destroy: Effect.Effect<void, StorageError>
  }
>()("ownloop/Storage") {}
