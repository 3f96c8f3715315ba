import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { VaultId } from "../../domain/Ids.ts"
import type { Vaults } from "../../Vaults.ts"
import { Conflict, InvalidRequest, NotFound } from "../Errors.ts"

const isVaultId = Schema.is(VaultId)

/** Vaults that a session may name: those that are there, not archived, and each once. */
export const findVaults = Effect.fnUntraced(function* (vaults: Vaults["Service"], ids: ReadonlyArray<string>) {
  return yield* Effect.forEach(
    ids,
    Effect.fnUntraced(function* (id, index) {
      const field = `vault_ids[${index}]`
      if (ids.indexOf(id) < index) return yield* new InvalidRequest({ message: `${field}: ${id} stands there twice` })
      const vault = isVaultId(id) ? yield* vaults.vault(id) : Option.none()
      if (Option.isNone(vault)) return yield* new NotFound({ message: `${field}: vault ${id} does not exist` })
      if (vault.value.archived_at === null) return vault.value.id
      return yield* new Conflict({ message: `${field}: vault ${id} is archived` })
    })
  )
})
