import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ApiKeys } from "../../src/ApiKeys.ts"
import type { ApiKey } from "../../src/domain/ApiKey.ts"
import { pageOf } from "./Pages.ts"

const make = (): ApiKeys["Service"] => {
  const keys = new Map<string, ApiKey>()
  const ids = new Map<string, string>()
  const get = (id: string | undefined) => Option.fromUndefinedOr(keys.get(id ?? ""))

  return ApiKeys.of({
    add: Effect.fn("ApiKeys.add")(function* (key, hash) {
      keys.set(key.id, key)
      ids.set(hash, key.id)
    }),
    find: Effect.fn("ApiKeys.find")(function* (hash) {
      return get(ids.get(hash))
    }),
    get: Effect.fn("ApiKeys.get")(function* (id) {
      return get(id)
    }),
    list: Effect.fn("ApiKeys.list")(function* ({ status, ...page }) {
      return pageOf(
        [...keys.values()].filter((key) => status === undefined || key.status === status),
        page
      )
    }),
    update: Effect.fn("ApiKeys.update")(function* (id, change) {
      const key = keys.get(id)
      if (key === undefined || key.status === "archived") return Option.none()
      const changed = { ...key, ...change }
      keys.set(id, changed)
      return Option.some(changed)
    }),
    used: Effect.fn("ApiKeys.used")(function* (id, at) {
      const key = keys.get(id)
      if (key !== undefined && at > (key.last_used_at ?? "")) keys.set(id, { ...key, last_used_at: at })
    })
  })
}

export const layer: Layer.Layer<ApiKeys> = Layer.sync(ApiKeys, make)
