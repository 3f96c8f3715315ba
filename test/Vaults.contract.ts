import assert from "node:assert/strict"
import { Effect, Option } from "effect"
import type { Credential } from "../src/domain/Vault.ts"
import { Sealed } from "../src/SecretBox.ts"
import { type StoredCredential, Vaults } from "../src/Vaults.ts"
import type { Contract } from "./support/contract.ts"
import { credential, vault } from "./support/records.ts"

const archived_at = "2026-11-23T00:00:00.000Z"
const page = { limit: 100, includeArchived: false }
const sealed = (text: string) => Sealed.make(text)

const stored = (id: string, fields: Partial<Credential> = {}, secret = `k1.nonce.${id}`): StoredCredential => ({
  credential: credential(id, fields),
  secrets: { secret_value: sealed(secret) }
})

const variable = (secret_name: string) => ({
  auth: {
    type: "environment_variable",
    secret_name,
    networking: { type: "unrestricted" },
    injection_location: { header: true, body: false }
  } as const
})

const ids = Effect.map((items: ReadonlyArray<{ readonly id: string }>) => items.map(({ id }) => id))
const storedIds = Effect.map((items: ReadonlyArray<StoredCredential>) => items.map(({ credential }) => credential.id))

/** Some of the ids of `credential` and `vault`. */
const vlt = (id: string) => vault(id).id
const vcrd = (id: string) => credential(id).id

export const contract: Contract<Vaults> = {
  "nothing is there at first": Effect.gen(function* () {
    const vaults = yield* Vaults
    assert.deepEqual(yield* vaults.vault(vlt("1")), Option.none())
    assert.deepEqual(yield* vaults.vaults(page), [])
    assert.deepEqual(yield* vaults.credential(vlt("1"), vcrd("1")), Option.none())
    assert.deepEqual(yield* vaults.credentials(vlt("1"), page), [])
    assert.deepEqual(yield* vaults.usable([vlt("1")]), [])
    assert.deepEqual(yield* vaults.usable([]), [])
    assert.deepEqual(yield* vaults.all({ limit: 10 }), [])
  }),

  "a vault is created, replaced and deleted with its credentials": Effect.gen(function* () {
    const vaults = yield* Vaults
    yield* vaults.putVault(vault("1"))
    yield* vaults.putVault(vault("1", { display_name: "Zwölf 🐈" }))
    yield* vaults.putVault(vault("2"))
    assert.deepEqual(yield* vaults.vault(vlt("1")), Option.some(vault("1", { display_name: "Zwölf 🐈" })))
    yield* vaults.putCredential(stored("1"))
    yield* vaults.putCredential(stored("2", { vault_id: vlt("2") }))
    yield* vaults.deleteVault(vlt("1"))
    assert.deepEqual(yield* ids(vaults.vaults(page)), ["vlt_2"])
    assert.deepEqual(yield* storedIds(vaults.all({ limit: 10 })), ["vcrd_2"])
  }),

  "vaults are listed newest first, in pages, archived ones on demand": Effect.gen(function* () {
    const vaults = yield* Vaults
    for (const id of ["2", "1", "4"]) yield* vaults.putVault(vault(id))
    yield* vaults.putVault(vault("3", { archived_at }))
    assert.deepEqual(yield* ids(vaults.vaults({ ...page, limit: 2 })), ["vlt_4", "vlt_2"])
    assert.deepEqual(yield* ids(vaults.vaults({ ...page, after: "vlt_2" })), ["vlt_1"])
    const all = { ...page, includeArchived: true }
    assert.deepEqual(yield* ids(vaults.vaults(all)), ["vlt_4", "vlt_3", "vlt_2", "vlt_1"])
  }),

  "a credential is kept with its values, and belongs to its vault alone": Effect.gen(function* () {
    const vaults = yield* Vaults
    assert.equal(yield* vaults.putCredential(stored("1")), true)
    assert.deepEqual(yield* vaults.credential(vlt("1"), vcrd("1")), Option.some(stored("1")))
    assert.deepEqual(yield* vaults.credential(vlt("2"), vcrd("1")), Option.none())
    yield* vaults.deleteCredential(vlt("2"), vcrd("1"))
    const renamed = stored("1", { display_name: "renamed" }, "k2.other.value")
    assert.equal(yield* vaults.putCredential(renamed), true)
    assert.deepEqual(yield* vaults.credential(vlt("1"), vcrd("1")), Option.some(renamed))
    yield* vaults.deleteCredential(vlt("1"), vcrd("1"))
    assert.deepEqual(yield* vaults.credential(vlt("1"), vcrd("1")), Option.none())
  }),

  "a variable belongs to one credential of a vault, until that is archived": Effect.gen(function* () {
    const vaults = yield* Vaults
    assert.equal(yield* vaults.putCredential(stored("1", variable("TOKEN"))), true)
    assert.equal(yield* vaults.putCredential(stored("2", variable("TOKEN"))), false)
    assert.deepEqual(yield* vaults.credential(vlt("1"), vcrd("2")), Option.none())
    assert.equal(yield* vaults.putCredential(stored("3", { ...variable("TOKEN"), vault_id: vlt("2") })), true)
    assert.equal(yield* vaults.putCredential(stored("4", variable("OTHER"))), true)
    assert.equal(yield* vaults.putCredential(stored("1", { ...variable("TOKEN"), archived_at })), true)
    assert.equal(yield* vaults.putCredential(stored("2", variable("TOKEN"))), true)
    assert.equal(yield* vaults.putCredential(stored("5", { ...variable("TOKEN"), archived_at })), true)
  }),

  "of several writers of one variable exactly one succeeds": Effect.gen(function* () {
    const vaults = yield* Vaults
    const put = yield* Effect.forEach(["1", "2", "3"], (id) => vaults.putCredential(stored(id, variable("TOKEN"))), {
      concurrency: "unbounded"
    })
    assert.equal(put.filter(Boolean).length, 1)
  }),

  "headers may share a host: they are told apart by their ids": Effect.gen(function* () {
    const vaults = yield* Vaults
    assert.equal(yield* vaults.putCredential(stored("1")), true)
    assert.equal(yield* vaults.putCredential(stored("2")), true)
  }),

  "credentials are listed newest first, in pages, without their values": Effect.gen(function* () {
    const vaults = yield* Vaults
    for (const id of ["2", "3", "1"]) yield* vaults.putCredential(stored(id))
    yield* vaults.putCredential(stored("4", { archived_at }))
    yield* vaults.putCredential(stored("5", { vault_id: vlt("2") }))
    assert.deepEqual(yield* vaults.credentials(vlt("1"), { ...page, limit: 1 }), [credential("3")])
    assert.deepEqual(yield* ids(vaults.credentials(vlt("1"), { ...page, after: "vcrd_3" })), ["vcrd_2", "vcrd_1"])
    const all = { ...page, includeArchived: true }
    assert.deepEqual(yield* ids(vaults.credentials(vlt("1"), all)), ["vcrd_4", "vcrd_3", "vcrd_2", "vcrd_1"])
  }),

  "archiving a vault archives its credentials and forgets their values": Effect.gen(function* () {
    const vaults = yield* Vaults
    const earlier = "2026-11-22T23:00:00.000Z"
    for (const id of ["1", "2"]) yield* vaults.putVault(vault(id))
    yield* vaults.putCredential(stored("1"))
    yield* vaults.putCredential(stored("2", { archived_at: earlier }))
    yield* vaults.putCredential(stored("3", { vault_id: vlt("2") }))
    yield* vaults.archiveVault(vlt("1"), archived_at)
    assert.deepEqual(yield* vaults.vault(vlt("1")), Option.some(vault("1", { archived_at })))
    assert.deepEqual(yield* vaults.all({ limit: 10 }), [
      { credential: credential("1", { archived_at }), secrets: {} },
      { credential: credential("2", { archived_at: earlier }), secrets: {} },
      stored("3", { vault_id: vlt("2") })
    ])
  }),

  "usable is what is archived neither by itself nor with its vault, in the order of the vaults": Effect.gen(
    function* () {
      const vaults = yield* Vaults
      for (const id of ["1", "2"]) yield* vaults.putVault(vault(id))
      yield* vaults.putVault(vault("3", { archived_at }))
      yield* vaults.putCredential(stored("1"))
      yield* vaults.putCredential(stored("2", { archived_at }))
      yield* vaults.putCredential(stored("3", { vault_id: vlt("2") }))
      yield* vaults.putCredential(stored("4", { vault_id: vlt("3") }))
      yield* vaults.putCredential(stored("5"))
      yield* vaults.putCredential(stored("6", { vault_id: vlt("9") }))
      assert.deepEqual(yield* storedIds(vaults.usable([vlt("2"), vlt("3"), vlt("1"), vlt("9")])), [
        "vcrd_3",
        "vcrd_1",
        "vcrd_5"
      ])
      assert.deepEqual(yield* vaults.usable([vlt("2")]), [stored("3", { vault_id: vlt("2") })])
    }
  ),

  "all credentials are read in pages, oldest first": Effect.gen(function* () {
    const vaults = yield* Vaults
    for (const id of ["3", "1", "2"]) yield* vaults.putCredential(stored(id, { vault_id: vlt(id) }))
    assert.deepEqual(yield* storedIds(vaults.all({ limit: 2 })), ["vcrd_1", "vcrd_2"])
    assert.deepEqual(yield* storedIds(vaults.all({ limit: 2, after: "vcrd_2" })), ["vcrd_3"])
  }),

  "a credential is replaced only where nobody changed it meanwhile, in anything": Effect.gen(function* () {
    const vaults = yield* Vaults
    const first = stored("1")
    const resealed = { ...first, secrets: { secret_value: sealed("k2.nonce.new") } }
    const begun = { ...resealed, refreshing: { until: 1_000 } }
    const failed = { ...resealed, refreshing: { failed: "no answer", at: 900 } }
    const renamed = { ...failed, credential: credential("1", { display_name: 'Zwölf "🐈"' }) }
    yield* vaults.putCredential(first)
    assert.equal(yield* vaults.replace(first, resealed), true)
    assert.equal(yield* vaults.replace(first, begun), false)
    assert.equal(yield* vaults.replace(resealed, begun), true)
    assert.equal(yield* vaults.replace(resealed, failed), false)
    assert.deepEqual(yield* vaults.all({ limit: 10 }), [begun])
    assert.equal(yield* vaults.replace(begun, failed), true)
    assert.equal(yield* vaults.replace(failed, renamed), true)
    assert.equal(yield* vaults.replace(failed, first), false)
    assert.deepEqual(yield* vaults.credential(vlt("1"), vcrd("1")), Option.some(renamed))
    assert.equal(yield* vaults.replace(stored("2"), stored("2", {}, "k2.nonce.new")), false)
    assert.deepEqual(yield* vaults.all({ limit: 10 }), [renamed])
  }),

  "of several who replace one credential exactly one succeeds": Effect.gen(function* () {
    const vaults = yield* Vaults
    yield* vaults.putCredential(stored("1"))
    const replaced = yield* Effect.forEach(
      [1, 2, 3],
      (until) => vaults.replace(stored("1"), { ...stored("1"), refreshing: { until } }),
      { concurrency: "unbounded" }
    )
    assert.equal(replaced.filter(Boolean).length, 1)
  }),

  "a credential that is set anew, or archived, is refreshed by nobody": Effect.gen(function* () {
    const vaults = yield* Vaults
    const begin = (id: string) => vaults.replace(stored(id), { ...stored(id), refreshing: { until: 1_000 } })
    yield* vaults.putVault(vault("1"))
    for (const id of ["1", "2"]) yield* vaults.putCredential(stored(id))
    assert.deepEqual([yield* begin("1"), yield* begin("2")], [true, true])
    yield* vaults.putCredential(stored("1", {}, "k2.nonce.new"))
    assert.deepEqual((yield* vaults.all({ limit: 1 }))[0], stored("1", {}, "k2.nonce.new"))
    yield* vaults.archiveVault(vlt("1"), archived_at)
    assert.deepEqual(
      (yield* vaults.all({ limit: 10 })).map(({ refreshing }) => refreshing),
      [undefined, undefined]
    )
  })
}
