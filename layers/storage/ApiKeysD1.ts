import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ApiKeys } from "../../src/ApiKeys.ts"
import { ApiKey } from "../../src/domain/ApiKey.ts"
import type { ApiKeyId } from "../../src/domain/Ids.ts"
import * as D1 from "./D1.ts"
import { before, changed, given, json, method } from "./D1.ts"

const keyJson = json(ApiKey)

const make = (db: D1Database): ApiKeys["Service"] => {
  const { run, select, write } = D1.make(db)
  const one = (column: "id" | "hash", value: string) =>
    Effect.map(select("api_keys", keyJson, [[`${column} = ?`, value]], 1), Array.head)

  const update = Effect.fnUntraced(function* (id: ApiKeyId, change: object) {
    const sql = "UPDATE api_keys SET body = json_patch(body, ?) WHERE id = ? AND status <> 'archived'"
    const rows = yield* run(sql, JSON.stringify(change), id)
    const key = yield* one("id", id)
    return changed(rows) ? key : Array.head<ApiKey>([])
  })

  return ApiKeys.of({
    add: method("ApiKeys.add", (key, hash) =>
      Effect.asVoid(write("INSERT INTO api_keys (body, id, hash) VALUES (?, ?, ?)", keyJson, key, key.id, hash))
    ),
    find: method("ApiKeys.find", (hash) => one("hash", hash)),
    get: method("ApiKeys.get", (id) => one("id", id)),
    list: method("ApiKeys.list", ({ status, ...page }) =>
      select("api_keys", keyJson, [...before(page), ...given(status, (status) => ["status = ?", status])], page.limit)
    ),
    update: method("ApiKeys.update", update),
    used: method("ApiKeys.used", (id, at) =>
      Effect.asVoid(
        run(
          `UPDATE api_keys SET body = json_set(body, '$.last_used_at', ?1)
          WHERE id = ?2 AND ifnull(body ->> '$.last_used_at', '') < ?1`,
          at,
          id
        )
      )
    )
  })
}

/** API keys in D1 (`migrations/`), beside the catalog. */
export const layer = (db: D1Database): Layer.Layer<ApiKeys> => Layer.sync(ApiKeys, () => make(db))
