import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import { Sealed, SecretBox } from "../../src/SecretBox.ts"
import { credential } from "../support/records.ts"
import * as TestApi from "./TestApi.ts"

const old = `old:${Buffer.alloc(32, 1).toString("base64")}`
const current = `new:${Buffer.alloc(32, 2).toString("base64")}`

const box = (rootKey: string) =>
  Effect.provide(SecretBox, TestApi.secretBox(ConfigProvider.fromUnknown({ OWNLOOP_ROOT_KEY: rootKey })))

interface Rotation {
  readonly type: string
  readonly key_id: string
  readonly rotated: number
  readonly left: ReadonlyArray<object>
  readonly next_page: string | null
}

describe("POST /v1/root_keys/rotate", () => {
  it.effect("puts every value under the first key, page by page, and says what it cannot open", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make({ rootKey: `${current},${old}` })
      const former = yield* box(old)
      const put = Effect.fnUntraced(function* (id: string, secret_value?: Sealed) {
        const stored = credential(id)
        const place = { vault: stored.vault_id, credential: stored.id, field: "secret_value" as const }
        const sealed = secret_value ?? (yield* former.seal(Redacted.make(`secret of ${id}`), place))
        yield* api.vaults.putCredential({ credential: stored, secrets: { secret_value: sealed } })
        return place
      })
      const places = yield* Effect.forEach(["1", "2", "3"], (id) => put(id))
      yield* put("4", Sealed.make("lost.AAAA.AAAA"))
      yield* api.vaults.putCredential({ credential: credential("5"), secrets: {} })

      const rotate = (page?: string | null) =>
        Effect.map(api.post<Rotation>(`/v1/root_keys/rotate?limit=3${page ? `&page=${page}` : ""}`), ({ body }) => body)
      const first = yield* rotate()
      assert.deepInclude(first, { type: "root_key_rotation", key_id: "new", rotated: 3, left: [] })
      const second = yield* rotate(first.next_page)
      assert.deepInclude(second, {
        rotated: 0,
        left: [{ id: "vcrd_4", reason: "OWNLOOP_ROOT_KEY has no key named lost" }],
        next_page: null
      })

      const later = yield* box(current)
      const opened = yield* Effect.forEach(yield* api.vaults.all({ limit: 3 }), ({ secrets }, index) =>
        Effect.map(later.open(secrets.secret_value!, places[index]!), Redacted.value)
      )
      assert.deepStrictEqual(opened, ["secret of 1", "secret of 2", "secret of 3"])
      assert.strictEqual((yield* rotate()).rotated, 0)
      assert.notInclude(JSON.stringify(api.logs), "secret of")
    })
  )
})
