import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { now, patchMetadata } from "../../domain/Common.ts"
import { nextVaultId, type VaultId } from "../../domain/Ids.ts"
import type { Vault } from "../../domain/Vault.ts"
import { Vaults } from "../../Vaults.ts"
import { Api } from "../Contract.ts"
import { Conflict, NotFound } from "../Errors.ts"
import { paginate } from "../Paging.ts"
import type { CreateVault, UpdateVault } from "../Vaults.ts"
import { orInternal, orInvalid } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "vaults",
  Effect.fnUntraced(function* (handlers) {
    const vaults = yield* Vaults
    const nextId = Effect.provideService(nextVaultId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

    const find = Effect.fnUntraced(function* (id: VaultId) {
      const vault = yield* vaults.vault(id)
      if (Option.isSome(vault)) return vault.value
      return yield* new NotFound({ message: `vault ${id} does not exist` })
    })

    const create = Effect.fn("Vaults.create")(
      function* (input: typeof CreateVault.Type) {
        const created_at = yield* now
        const vault: Vault = {
          type: "vault",
          id: yield* nextId,
          display_name: input.display_name,
          metadata: input.metadata ?? {},
          created_at,
          updated_at: created_at,
          archived_at: null
        }
        yield* vaults.putVault(vault)
        return vault
      },
      orInternal,
      orInvalid
    )

    const update = Effect.fn("Vaults.update")(
      function* (id: VaultId, change: typeof UpdateVault.Type) {
        const vault = yield* find(id)
        if (vault.archived_at !== null) return yield* new Conflict({ message: `vault ${id} is archived` })
        const changed = {
          ...vault,
          display_name: change.display_name ?? vault.display_name,
          metadata: yield* patchMetadata(vault.metadata, change.metadata),
          updated_at: yield* now
        }
        yield* vaults.putVault(changed)
        return changed
      },
      orInternal,
      orInvalid
    )

    const archive = Effect.fn("Vaults.archive")(function* (id: VaultId) {
      const vault = yield* find(id)
      if (vault.archived_at !== null) return vault
      const archived_at = yield* now
      yield* vaults.archiveVault(id, archived_at)
      return { ...vault, archived_at }
    }, orInternal)

    const remove = Effect.fn("Vaults.delete")(function* (id: VaultId) {
      yield* find(id)
      yield* vaults.deleteVault(id)
      return { id, type: "vault_deleted" as const }
    }, orInternal)

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query }) =>
        paginate(
          "vaults",
          query,
          (page) => vaults.vaults({ ...page, includeArchived: query.include_archived ?? false }),
          ({ id }) => id
        ).pipe(orInternal),
      get: ({ params }) => orInternal(find(params.id)),
      update: ({ params, payload }) => update(params.id, payload),
      delete: ({ params }) => remove(params.id),
      archive: ({ params }) => archive(params.id)
    })
  })
)
