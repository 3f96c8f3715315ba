import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { PageQuery } from "./Catalog.ts"
import type { CredentialId, VaultId } from "./domain/Ids.ts"
import type { Credential, Vault } from "./domain/Vault.ts"
import { Sealed } from "./SecretBox.ts"
import type { StorageError } from "./Storage.ts"

/** The encrypted values of one credential, each under the name that it has in the wire API. */
export const Secrets = Schema.Struct({
  token: Schema.optionalKey(Sealed),
  access_token: Schema.optionalKey(Sealed),
  refresh_token: Schema.optionalKey(Sealed),
  client_secret: Schema.optionalKey(Sealed),
  secret_value: Schema.optionalKey(Sealed)
})
export type Secrets = typeof Secrets.Type

/**
 * The latest attempt to get a credential a new access token: under way, until then at the latest, or why it came to nothing. Times are in
 * milliseconds since the epoch.
 */
export const Refreshing = Schema.Union([
  Schema.Struct({ until: Schema.Int }),
  Schema.Struct({ failed: Schema.String, at: Schema.Int })
])
export type Refreshing = typeof Refreshing.Type

export interface StoredCredential {
  readonly credential: Credential
  readonly secrets: Secrets
  /** Absent where none was made since the values were set, or the latest got one. */
  readonly refreshing?: Refreshing
}

type Listing = PageQuery & { readonly includeArchived: boolean }

/** Vaults and their credentials. Of a credential's values it only ever sees what `SecretBox` made of them. */
export class Vaults extends Context.Service<
  Vaults,
  {
    /** Creates or replaces. */
    putVault(vault: Vault): Effect.Effect<void, StorageError>
    vault(id: VaultId): Effect.Effect<Option.Option<Vault>, StorageError>
    vaults(page: Listing): Effect.Effect<ReadonlyArray<Vault>, StorageError>
    /** Marks the vault and each of its credentials, and forgets all their values. */
    archiveVault(id: VaultId, at: string): Effect.Effect<void, StorageError>
    /** Forgets the vault and its credentials. */
    deleteVault(id: VaultId): Effect.Effect<void, StorageError>

    /**
     * Creates or replaces a credential with its values, all at once. False, and nothing written, where another one of the vault that is
     * not archived is for the same server or variable.
     */
    putCredential(stored: StoredCredential): Effect.Effect<boolean, StorageError>
    credential(vault: VaultId, id: CredentialId): Effect.Effect<Option.Option<StoredCredential>, StorageError>
    credentials(vault: VaultId, page: Listing): Effect.Effect<ReadonlyArray<Credential>, StorageError>
    deleteCredential(vault: VaultId, id: CredentialId): Effect.Effect<void, StorageError>

    /** What sessions with these vaults may use now, in the order of the vaults: archived ones are not among it. */
    usable(vaults: ReadonlyArray<VaultId>): Effect.Effect<ReadonlyArray<StoredCredential>, StorageError>
    /** Those of all vaults, by id, oldest first. */
    all(page: PageQuery): Effect.Effect<ReadonlyArray<StoredCredential>, StorageError>
    /** Puts a credential in the place of itself. False, and nothing written, where it is no longer the one given. */
    replace(before: StoredCredential, after: StoredCredential): Effect.Effect<boolean, StorageError>
  }
>()("ownloop/Vaults") {}
