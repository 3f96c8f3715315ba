import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { EventId, SessionId } from "./domain/Ids.ts"
import type { StorageError } from "./Storage.ts"

/** Of the whole text of a tool result. A session's blobs begin with its id and a slash. */
export const blobKey = (session: SessionId, event: EventId): string => `${session}/${event}`

/** What is too large for a session's log, kept under a key: texts, and the archives of snapshots. */
export class Blobs extends Context.Service<
  Blobs,
  {
    put(key: string, text: string): Effect.Effect<void, StorageError>
    get(key: string): Effect.Effect<Option.Option<string>, StorageError>
    /** Keeps the same under another key too. Answers whether it was there. */
    copy(from: string, to: string): Effect.Effect<boolean, StorageError>
    /** Forgets every blob whose key begins so. */
    deleteAll(prefix: string): Effect.Effect<void, StorageError>
  }
>()("ownloop/Blobs") {}
