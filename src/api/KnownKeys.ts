import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Digest from "effect/crypto/Digest"
import { ApiKeys } from "../ApiKeys.ts"
import type { ApiKey } from "../domain/ApiKey.ts"
import type { ApiKeyId } from "../domain/Ids.ts"
import type { StorageError } from "../Storage.ts"
import { Background } from "./Background.ts"

/** Milliseconds that a key is known without being read again: as long may another process answer a key that was revoked. */
const memory = 30_000

/** Keys that are known at most. */
const capacity = 1_000

/** Milliseconds between two notes that a key was used. */
const noteEvery = 60_000

interface Known {
  readonly key: ApiKey
  readonly until: number
  notedAt: number
}

/** What a key's value looks like. Nothing else is looked up. */
export const isValue = (text: string): boolean => /^ol_[\w-]{43}$/.test(text)

/** The active keys of the deployment, by their values. One that was used a moment ago is answered without a read. */
export class KnownKeys extends Context.Service<
  KnownKeys,
  {
    /** Goes by the hash, so that how long it takes says nothing about the keys that exist. `unknown` is asked before a key is read. */
    find<E>(value: string, unknown: Effect.Effect<void, E>): Effect.Effect<Option.Option<ApiKey>, StorageError | E>
    /** The key has changed: it is read again when it comes next. */
    forget(id: ApiKeyId): Effect.Effect<void>
  }
>()("ownloop/api/KnownKeys") {
  static readonly layer: Layer.Layer<KnownKeys, never, ApiKeys | Digest.Digest> = Layer.effect(
    KnownKeys,
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const digest = yield* Digest.Digest
      const background = yield* Background
      const known = new Map<string, Known>()

      const read = Effect.fnUntraced(function* (hash: string, now: number) {
        const key = Option.getOrUndefined(yield* keys.find(hash))
        known.delete(hash)
        if (key?.status !== "active") return undefined
        if (known.size >= capacity) for (const oldest of [...known.keys()].slice(0, 1)) known.delete(oldest)
        const entry = { key, until: now + memory, notedAt: Date.parse(key.last_used_at ?? "") || 0 }
        known.set(hash, entry)
        return entry
      })

      return KnownKeys.of({
        find: Effect.fnUntraced(function* (value, unknown) {
          if (!isValue(value)) return Option.none()
          const hash = yield* hashOf(value).pipe(Effect.provideService(Digest.Digest, digest))
          const now = yield* Clock.currentTimeMillis
          let entry = known.get(hash)
          if (entry === undefined || entry.until <= now) {
            yield* unknown
            entry = yield* read(hash, now)
          }
          if (entry === undefined) return Option.none()
          if (now - entry.notedAt >= noteEvery) {
            entry.notedAt = now
            yield* background(
              Effect.catch(keys.used(entry.key.id, new Date(now).toISOString()), (error) =>
                Effect.logWarning("it could not be noted that an API key was used", error)
              )
            )
          }
          return Option.some(entry.key)
        }),
        forget: (id) =>
          Effect.sync(() => {
            for (const [hash, { key }] of known) if (key.id === id) known.delete(hash)
          })
      })
    })
  )
}

/** What is kept of a key's value. */
export const hashOf = (value: string): Effect.Effect<string, never, Digest.Digest> =>
  Digest.Digest.use((digest) => digest.digestHex(Digest.sha256, new TextEncoder().encode(value)))
