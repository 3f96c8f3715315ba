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

export interface StoredCredential {
  readonly credential: Credential
  readonly secrets: Secrets
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
    /** Replaces the values of a credential. False, and nothing written, where they are no longer those given. */
    replaceSecrets(stored: StoredCredential, secrets: Secrets): Effect.Effect<boolean, StorageError>
  }
>()("ownloop/Vaults") {}
