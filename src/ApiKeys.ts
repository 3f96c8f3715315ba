import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { PageQuery } from "./Catalog.ts"
import type { ApiKey, ApiKeyStatus } from "./domain/ApiKey.ts"
import type { Timestamp } from "./domain/Common.ts"
import type { ApiKeyId } from "./domain/Ids.ts"
import type { StorageError } from "./Storage.ts"

/** The API keys of the deployment. Of a key's value only the SHA-256 is kept, in lowercase hex: keys are found by it. */
export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    add(key: ApiKey, hash: string): Effect.Effect<void, StorageError>
    find(hash: string): Effect.Effect<Option.Option<ApiKey>, StorageError>
    get(id: ApiKeyId): Effect.Effect<Option.Option<ApiKey>, StorageError>
    list(page: PageQuery & { readonly status?: ApiKeyStatus }): Effect.Effect<ReadonlyArray<ApiKey>, StorageError>
    /** Answers the key as it is then. An archived key, and one that does not exist, is left as it is, and none answered. */
    update(
      id: ApiKeyId,
      change: { readonly name?: string; readonly status?: ApiKeyStatus }
    ): Effect.Effect<Option.Option<ApiKey>, StorageError>
    /** Sets `last_used_at`, which never goes back. */
    used(id: ApiKeyId, at: Timestamp): Effect.Effect<void, StorageError>
  }
>()("ownloop/ApiKeys") {}
