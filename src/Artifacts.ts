import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { SessionId } from "./domain/Ids.ts"
import type { StorageError } from "./Storage.ts"

/** Where sessions leave what they made, in their workspace: it is kept as long as the session is. */
export const outputs = "outputs/"

/** The key of an artifact, whose path is that in the workspace. A session's blobs begin with its id and a slash. */
export const artifactKey = (session: SessionId, path: string): string => `${session}/${path}`

/** The files that sessions of tasks made, and those that came with mail. */
export class Artifacts extends Context.Service<
  Artifacts,
  {
    put(session: SessionId, path: string, content: Uint8Array): Effect.Effect<void, StorageError>
    get(session: SessionId, path: string): Effect.Effect<Option.Option<Uint8Array>, StorageError>
  }
>()("ownloop/Artifacts") {}
