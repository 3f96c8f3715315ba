import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { TaskId } from "./domain/Ids.ts"
import type { StorageError } from "./Storage.ts"

/** How far a session was told, and what of that has to be known to go on. */
export const Cursor = Schema.Struct({
  /** Place in the log; -1 before it was told that the session exists. */
  seq: Schema.Int,
  /** Somebody ended the session's work. */
  isInterrupted: Schema.Boolean,
  /** The latest error that the session logged. */
  lastError: Schema.NullOr(Schema.Struct({ type: Schema.String, message: Schema.String })),
  /** The tasks whose messages were taken in since the session last ended a turn; absent where that is the one that it was started for. */
  tasks: Schema.optionalKey(Schema.Array(TaskId))
})
export type Cursor = typeof Cursor.Type

/** Of one session, kept where its log is kept. */
export class OutboxCursor extends Context.Service<
  OutboxCursor,
  {
    readonly read: Effect.Effect<Option.Option<Cursor>, StorageError>
    write(cursor: Cursor): Effect.Effect<void, StorageError>
  }
>()("ownloop/OutboxCursor") {}
