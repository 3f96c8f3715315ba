import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Timestamp } from "./domain/Common.ts"
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

/** The fold over the log up to a place, so that opening a session need not read what comes before. What is in it is up to the loop. */
export interface Checkpoint {
  readonly seq: number
  readonly body: string
}

/** Times that a list is limited to. */
export interface TimeRange {
  readonly gt?: Timestamp
  readonly gte?: Timestamp
  readonly lt?: Timestamp
  readonly lte?: Timestamp
}

export interface EventQuery {
  /** Only entries after (in the order asked for) this place. */
  readonly after?: number
  readonly limit: number
  readonly order: "asc" | "desc"
  readonly types?: ReadonlyArray<SessionEventType>
  /** Bounds on when the event was written, as RFC 3339 timestamps. */
  readonly createdAt?: TimeRange
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
    /** Up to `limit` entries after this place, oldest first, each as it was logged. */
    log(after: number, limit: number): Effect.Effect<ReadonlyArray<LogEntry>, StorageError>
    /** The latest fold that was kept; None where there is none. */
    readonly checkpoint: Effect.Effect<Option.Option<Checkpoint>, StorageError>
    /** Replaces the earlier one. Of any size: it is not bound by the size of a row. */
    putCheckpoint(checkpoint: Checkpoint): Effect.Effect<void, StorageError>
    /** Notes that a process takes over what another one left running. Answers how many have, this one included, since the last append. */
    readonly takeOver: Effect.Effect<number, StorageError>
    /** One page. An event that was logged while queued and again when taken in is answered once, as it stands now. */
    events(query: EventQuery): Effect.Effect<ReadonlyArray<LogEntry>, StorageError>
    /** Forgets everything of this session, files included. */
    readonly destroy: Effect.Effect<void, StorageError>
  }
>()("ownloop/Storage") {}
