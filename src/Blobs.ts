import { Context, type Effect, type Option } from "effect"
import type { StorageError } from "./Storage.ts"

/** What is too large for a session's log, kept under a key: `<session id>/<event id>` for the whole text of a tool result. */
export class Blobs extends Context.Service<
  Blobs,
  {
    put(key: string, text: string): Effect.Effect<void, StorageError>
    get(key: string): Effect.Effect<Option.Option<string>, StorageError>
    /** Forgets every blob whose key begins so. */
    deleteAll(prefix: string): Effect.Effect<void, StorageError>
  }
>()("ownloop/Blobs") {}
