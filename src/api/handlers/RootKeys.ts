import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { SecretField } from "../../domain/Vault.ts"
import { RootKeyMissing, SecretBox } from "../../SecretBox.ts"
import { type StoredCredential, Vaults } from "../../Vaults.ts"
import { Api } from "../Contract.ts"
import { paginate } from "../Paging.ts"
import { orInternal, orUnavailable } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "root_keys",
  Effect.fnUntraced(function* (handlers) {
    const vaults = yield* Vaults
    const box = yield* SecretBox

    /** Whether its values were under an earlier key; a failure says why they still are. */
    const reseal = Effect.fnUntraced(
      function* (stored: StoredCredential) {
        const { credential, secrets } = stored
        const fields = Object.keys(secrets) as Array<SecretField> // Those of the schema, and no others.
        const old = fields.filter((field) => !box.isCurrent(secrets[field]!))
        if (old.length === 0) return Result.succeed(false)
        const resealed = yield* Effect.forEach(
          old,
          Effect.fnUntraced(function* (field) {
            const place = { vault: credential.vault_id, credential: credential.id, field }
            return [field, yield* box.seal(yield* box.open(secrets[field]!, place), place)] as const
          })
        )
        const next = { ...secrets, ...Object.fromEntries(resealed) }
        return (yield* vaults.replace(stored, { ...stored, secrets: next }))
          ? Result.succeed(true)
          : Result.fail("it was changed meanwhile")
      },
      Effect.catchTag("SecretUnreadable", ({ message }) => Effect.succeed(Result.fail(message)))
    )

    const rotate = Effect.fn("RootKeys.rotate")(
      function* (query: { readonly limit?: number; readonly page?: string }) {
        if (box.keyId === undefined) return yield* new RootKeyMissing()
        const page = yield* paginate("root_keys", query, vaults.all, ({ credential }) => credential.id)
        const results = yield* Effect.forEach(page.data, (stored) =>
          Effect.map(reseal(stored), (result) => ({ id: stored.credential.id, result }))
        )
        return {
          type: "root_key_rotation" as const,
          key_id: box.keyId,
          rotated: results.filter(({ result }) => Result.getOrElse(result, () => false)).length,
          left: results.flatMap(({ id, result }) => (Result.isFailure(result) ? [{ id, reason: result.failure }] : [])),
          next_page: page.next_page
        }
      },
      orInternal,
      orUnavailable
    )

    return handlers.handle("rotate", ({ query }) => rotate(query))
  })
)
