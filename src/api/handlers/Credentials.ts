import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { now, patchMetadata } from "../../domain/Common.ts"
import { type CredentialId, nextCredentialId, type VaultId } from "../../domain/Ids.ts"
import { type Credential, identityOf, type SecretField } from "../../domain/Vault.ts"
import { SecretBox } from "../../SecretBox.ts"
import { type StoredCredential, Vaults } from "../../Vaults.ts"
import { Api } from "../Contract.ts"
import * as CredentialChange from "../CredentialChange.ts"
import type { CreateCredential, UpdateCredential } from "../Credentials.ts"
import { Conflict, InvalidRequest, NotFound } from "../Errors.ts"
import { paginate } from "../Paging.ts"
import { orInternal, orInvalid, orUnavailable } from "./onWire.ts"

/** Credentials of one vault that are not archived. */
const maxCredentials = 20

export const layer = HttpApiBuilder.group(
  Api,
  "credentials",
  Effect.fnUntraced(function* (handlers) {
    const vaults = yield* Vaults
    const box = yield* SecretBox
    const nextId = Effect.provideService(nextCredentialId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

    const findVault = Effect.fnUntraced(function* (id: VaultId) {
      const vault = yield* vaults.vault(id)
      if (Option.isSome(vault)) return vault.value
      return yield* new NotFound({ message: `vault ${id} does not exist` })
    })

    const find = Effect.fnUntraced(function* (vault: VaultId, id: CredentialId) {
      const stored = yield* vaults.credential(vault, id)
      if (Option.isSome(stored)) return stored.value
      return yield* new NotFound({ message: `credential ${id} of vault ${vault} does not exist` })
    })

    const seal = (vault: VaultId, credential: CredentialId, values: CredentialChange.Values) =>
      Effect.all(
        Record.map(values as Record<SecretField, Redacted.Redacted>, (value, field: SecretField) =>
          box.seal(value, { vault, credential, field })
        )
      )

    const put = Effect.fnUntraced(function* (stored: StoredCredential) {
      if (yield* vaults.putCredential(stored)) return stored.credential
      const { field, value } = identityOf(stored.credential.auth)!
      return yield* new Conflict({ message: `${field}: another credential of the vault is for ${value}` })
    })

    /** An access token that is out of date already is a mistake. */
    const inFuture = Effect.fnUntraced(function* ({ auth }: CredentialChange.Change) {
      if (auth.type !== "mcp_oauth" || auth.expires_at === null) return
      if (Date.parse(auth.expires_at) > (yield* Clock.currentTimeMillis)) return
      return yield* new InvalidRequest({ message: "auth.expires_at: is not in the future" })
    })

    const valid = (change: Result.Result<CredentialChange.Change, string>) =>
      Effect.fromResult(Result.mapError(change, (message) => new InvalidRequest({ message })))

    const create = Effect.fn("Credentials.create")(
      function* (vault_id: VaultId, input: typeof CreateCredential.Type) {
        const change = yield* valid(CredentialChange.created(input.auth))
        yield* inFuture(change)
        if ((yield* findVault(vault_id)).archived_at !== null) {
          return yield* new Conflict({ message: `vault ${vault_id} is archived` })
        }
        const others = yield* vaults.credentials(vault_id, { limit: maxCredentials, includeArchived: false })
        if (others.length >= maxCredentials) {
          return yield* new InvalidRequest({ message: `vault ${vault_id} has ${maxCredentials} credentials already` })
        }
        const [id, created_at] = yield* Effect.all([nextId, now])
        const credential: Credential = {
          type: "vault_credential",
          id,
          vault_id,
          display_name: input.display_name ?? null,
          metadata: input.metadata ?? {},
          auth: change.auth,
          created_at,
          updated_at: created_at,
          archived_at: null
        }
        return yield* put({ credential, secrets: yield* seal(vault_id, id, change.values) })
      },
      orInternal,
      orInvalid,
      orUnavailable
    )

    const update = Effect.fn("Credentials.update")(
      function* (vault: VaultId, id: CredentialId, input: typeof UpdateCredential.Type) {
        const { credential, secrets } = yield* find(vault, id)
        if (credential.archived_at !== null) return yield* new Conflict({ message: `credential ${id} is archived` })
        const unchanged = { auth: credential.auth, values: {} }
        const change =
          input.auth === undefined ? unchanged : yield* valid(CredentialChange.patched(credential.auth, input.auth))
        if (input.auth?.type === "mcp_oauth" && input.auth.expires_at) yield* inFuture(change)
        const changed = {
          ...credential,
          auth: change.auth,
          display_name: input.display_name ?? credential.display_name,
          metadata: yield* patchMetadata(credential.metadata, input.metadata),
          updated_at: yield* now
        }
        return yield* put({ credential: changed, secrets: { ...secrets, ...(yield* seal(vault, id, change.values)) } })
      },
      orInternal,
      orInvalid,
      orUnavailable
    )

    /** Its values are forgotten: what was archived cannot come back. */
    const archive = Effect.fn("Credentials.archive")(function* (vault: VaultId, id: CredentialId) {
      const { credential } = yield* find(vault, id)
      if (credential.archived_at !== null) return credential
      const archived = { ...credential, archived_at: yield* now }
      yield* vaults.putCredential({ credential: archived, secrets: {} })
      return archived
    }, orInternal)

    const remove = Effect.fn("Credentials.delete")(function* (vault: VaultId, id: CredentialId) {
      yield* find(vault, id)
      yield* vaults.deleteCredential(vault, id)
      return { id, type: "vault_credential_deleted" as const }
    }, orInternal)

    const validate = Effect.fn("Credentials.validate")(function* (vault: VaultId, id: CredentialId) {
      yield* find(vault, id)
      return yield* new InvalidRequest({ message: "mcp_oauth_validate: MCP servers are not supported yet" })
    }, orInternal)

    const list = Effect.fn("Credentials.list")(function* (
      vault: VaultId,
      query: { readonly limit?: number; readonly page?: string; readonly include_archived?: boolean }
    ) {
      yield* findVault(vault)
      return yield* paginate(
        `credentials of ${vault}`,
        query,
        (page) => vaults.credentials(vault, { ...page, includeArchived: query.include_archived ?? false }),
        ({ id }) => id
      )
    }, orInternal)

    return handlers.handleAll({
      create: ({ params, payload }) => create(params.vault_id, payload),
      list: ({ params, query }) => list(params.vault_id, query),
      get: ({ params: { id, vault_id } }) =>
        find(vault_id, id).pipe(
          Effect.map(({ credential }) => credential),
          orInternal
        ),
      update: ({ params: { id, vault_id }, payload }) => update(vault_id, id, payload),
      delete: ({ params: { id, vault_id } }) => remove(vault_id, id),
      archive: ({ params: { id, vault_id } }) => archive(vault_id, id),
      validate: ({ params: { id, vault_id } }) => validate(vault_id, id)
    })
  })
)
