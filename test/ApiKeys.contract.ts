import assert from "node:assert/strict"
import { Effect, Option } from "effect"
import { ApiKeys } from "../src/ApiKeys.ts"
import type { PageQuery } from "../src/Catalog.ts"
import type { Contract } from "./support/contract.ts"
import { apiKey } from "./support/records.ts"

const hash = (id: string) => id.repeat(64)

const add = (...ids: ReadonlyArray<string>) =>
  Effect.forEach(ids, (id) => ApiKeys.use((keys) => keys.add(apiKey(id), hash(id))))

const listed = (page: PageQuery & { readonly status?: "active" | "inactive" | "archived" }) =>
  ApiKeys.use((keys) => Effect.map(keys.list(page), (list) => list.map(({ id }) => id)))

const page = { limit: 100 }

export const contract: Contract<ApiKeys> = {
  "there are none in the beginning": Effect.gen(function* () {
    const keys = yield* ApiKeys
    assert.deepEqual(yield* keys.find(hash("1")), Option.none())
    assert.deepEqual(yield* keys.get(apiKey("1").id), Option.none())
    assert.deepEqual(yield* keys.list(page), [])
    assert.deepEqual(yield* keys.update(apiKey("1").id, { name: "Other" }), Option.none())
  }),

  "a key is found by its hash and by its id, and by nothing else": Effect.gen(function* () {
    const keys = yield* ApiKeys
    yield* add("1", "2")
    assert.deepEqual(yield* keys.find(hash("2")), Option.some(apiKey("2")))
    assert.deepEqual(yield* keys.get(apiKey("1").id), Option.some(apiKey("1")))
    assert.deepEqual(yield* keys.find(hash("1").slice(1)), Option.none())
    assert.deepEqual(yield* keys.find("%"), Option.none())
    assert.deepEqual(yield* keys.find(apiKey("1").id), Option.none())
  }),

  "keys are listed newest first, in pages, and by their status": Effect.gen(function* () {
    const keys = yield* ApiKeys
    yield* add("1", "2", "3")
    const ids = ["3", "2", "1"].map((id) => apiKey(id).id)
    assert.deepEqual(yield* listed({ limit: 2 }), ids.slice(0, 2))
    assert.deepEqual(yield* listed({ limit: 2, after: ids[1]! }), ids.slice(2))
    yield* keys.update(ids[1]!, { status: "inactive" })
    assert.deepEqual(yield* listed({ ...page, status: "inactive" }), [ids[1]])
    assert.deepEqual(yield* listed({ ...page, status: "active" }), [ids[0], ids[2]])
  }),

  "a key is renamed and switched off and on, and what is not named stays": Effect.gen(function* () {
    const keys = yield* ApiKeys
    yield* add("1")
    const { id } = apiKey("1")
    const renamed = apiKey("1", { name: "Zwölf 'x'" })
    assert.deepEqual(yield* keys.update(id, { name: "Zwölf 'x'" }), Option.some(renamed))
    assert.deepEqual(yield* keys.update(id, { status: "inactive" }), Option.some({ ...renamed, status: "inactive" }))
    assert.deepEqual(yield* keys.update(id, { status: "active" }), Option.some(renamed))
    assert.deepEqual(yield* keys.update(id, {}), Option.some(renamed))
    assert.deepEqual(yield* keys.find(hash("1")), Option.some(renamed))
  }),

  "an archived key never changes again": Effect.gen(function* () {
    const keys = yield* ApiKeys
    yield* add("1")
    const archived = apiKey("1", { status: "archived" })
    assert.deepEqual(yield* keys.update(archived.id, { status: "archived" }), Option.some(archived))
    assert.deepEqual(yield* keys.update(archived.id, { status: "active" }), Option.none())
    assert.deepEqual(yield* keys.find(hash("1")), Option.some(archived))
  }),

  "the time of its last use only goes forward, and changes nothing else": Effect.gen(function* () {
    const keys = yield* ApiKeys
    yield* add("1")
    const { id } = apiKey("1")
    yield* keys.update(id, { name: "Other" })
    yield* keys.used(id, "2026-11-23T10:00:00.000Z")
    yield* keys.used(id, "2026-11-23T09:00:00.000Z")
    const used = apiKey("1", { name: "Other", last_used_at: "2026-11-23T10:00:00.000Z" })
    assert.deepEqual(yield* keys.get(id), Option.some(used))
    yield* keys.used(apiKey("2").id, "2026-11-23T10:00:00.000Z")
  })
}
