import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Base64Url from "effect/encoding/Base64Url"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { ApiKeys } from "../../ApiKeys.ts"
import type { ApiKey } from "../../domain/ApiKey.ts"
import { now } from "../../domain/Common.ts"
import { type ApiKeyId, nextApiKeyId } from "../../domain/Ids.ts"
import type { CreateApiKey, UpdateApiKey } from "../ApiKeys.ts"
import { Caller } from "../Caller.ts"
import { Api } from "../Contract.ts"
import { Conflict, NotFound } from "../Errors.ts"
import { hashOf, KnownKeys } from "../KnownKeys.ts"
import { paginate } from "../Paging.ts"
import { orInternal } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "api_keys",
  Effect.fnUntraced(function* (handlers) {
    const keys = yield* ApiKeys
    const known = yield* KnownKeys
    const random = yield* SecureRandom.SecureRandom
    const digest = yield* Digest.Digest

    const find = Effect.fnUntraced(function* (id: ApiKeyId) {
      const key = yield* keys.get(id)
      if (Option.isSome(key)) return key.value
      return yield* new NotFound({ message: `API key ${id} does not exist` })
    })

    const create = Effect.fn("ApiKeys.create")(function* ({ name, scope }: typeof CreateApiKey.Type) {
      const value = `ol_${Base64Url.encode(yield* random.randomBytes(32))}`
      const key: ApiKey = {
        type: "api_key",
        id: yield* Effect.provideService(nextApiKeyId, SecureRandom.SecureRandom, random),
        name,
        scope,
        status: "active",
        partial_key_hint: `${value.slice(0, 7)}...${value.slice(-4)}`,
        created_at: yield* now,
        created_by: (yield* Caller).actor,
        last_used_at: null
      }
      yield* keys.add(key, yield* Effect.provideService(hashOf(value), Digest.Digest, digest))
      return { ...key, key: value }
    }, orInternal)

    const update = Effect.fn("ApiKeys.update")(function* (id: ApiKeyId, change: typeof UpdateApiKey.Type) {
      yield* find(id)
      const changed = yield* keys.update(id, change)
      yield* known.forget(id)
      if (Option.isSome(changed)) return changed.value
      return yield* new Conflict({ message: `API key ${id} is archived: make another one` })
    }, orInternal)

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query: { status, ...page } }) =>
        paginate(
          "api_keys",
          page,
          (page) => keys.list({ ...page, ...(status === undefined ? {} : { status }) }),
          ({ id }) => id
        ).pipe(orInternal),
      get: ({ params }) => orInternal(find(params.id)),
      update: ({ params, payload }) => update(params.id, payload)
    })
  })
)
