import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Vault } from "../../src/domain/Vault.ts"
import { identityOf } from "../../src/domain/Vault.ts"
import { type StoredCredential, Vaults } from "../../src/Vaults.ts"
import { isShown, pageOf } from "./Pages.ts"

const make = (): Vaults["Service"] => {
  const vaults = new Map<string, Vault>()
  const credentials = new Map<string, StoredCredential>()
  const of = (vault: string) => [...credentials.values()].filter(({ credential }) => credential.vault_id === vault)

  return Vaults.of({
    putVault: Effect.fn("Vaults.putVault")(function* (vault) {
      vaults.set(vault.id, vault)
    }),
    vault: Effect.fn("Vaults.vault")(function* (id) {
      return Option.fromUndefinedOr(vaults.get(id))
    }),
    vaults: Effect.fn("Vaults.vaults")(function* (page) {
      return pageOf([...vaults.values()].filter(isShown(page.includeArchived)), page)
    }),
    archiveVault: Effect.fn("Vaults.archiveVault")(function* (id, at) {
      const vault = vaults.get(id)
      if (vault !== undefined) vaults.set(id, { ...vault, archived_at: at })
      for (const { credential } of of(id)) {
        const archived = { ...credential, archived_at: credential.archived_at ?? at }
        credentials.set(credential.id, { credential: archived, secrets: {} })
      }
    }),
    deleteVault: Effect.fn("Vaults.deleteVault")(function* (id) {
      vaults.delete(id)
      for (const { credential } of of(id)) credentials.delete(credential.id)
    }),

    putCredential: Effect.fn("Vaults.putCredential")(function* (stored) {
      const { id, vault_id, auth, archived_at } = stored.credential
      const identity = archived_at === null ? identityOf(auth) : undefined
      const taken = of(vault_id).some(
        ({ credential }) =>
          credential.id !== id &&
          credential.archived_at === null &&
          identityOf(credential.auth)?.value === identity?.value
      )
      if (identity !== undefined && taken) return false
      credentials.set(id, stored)
      return true
    }),
    credential: Effect.fn("Vaults.credential")(function* (vault, id) {
      return Option.filter(
        Option.fromUndefinedOr(credentials.get(id)),
        ({ credential }) => credential.vault_id === vault
      )
    }),
    credentials: Effect.fn("Vaults.credentials")(function* (vault, page) {
      return pageOf(
        of(vault)
          .map(({ credential }) => credential)
          .filter(isShown(page.includeArchived)),
        page
      )
    }),
    deleteCredential: Effect.fn("Vaults.deleteCredential")(function* (vault, id) {
      if (credentials.get(id)?.credential.vault_id === vault) credentials.delete(id)
    }),

    usable: Effect.fn("Vaults.usable")(function* (ids) {
      return ids
        .filter((id) => vaults.get(id)?.archived_at === null)
        .flatMap((id) => byId(of(id)).filter(({ credential }) => credential.archived_at === null))
    }),
    all: Effect.fn("Vaults.all")(function* ({ limit, after = "" }) {
      return byId([...credentials.values()])
        .filter(({ credential }) => credential.id > after)
        .slice(0, limit)
    }),
    replace: Effect.fn("Vaults.replace")(function* (before, after) {
      if (!Equal.equals(credentials.get(before.credential.id), before)) return false
      credentials.set(before.credential.id, after)
      return true
    })
  })
}

const byId = (stored: ReadonlyArray<StoredCredential>) =>
  stored.toSorted((a, b) => (a.credential.id < b.credential.id ? -1 : 1))

export const layer: Layer.Layer<Vaults> = Layer.sync(Vaults, make)
