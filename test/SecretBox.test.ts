import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { Aead, Mac, SecureRandom } from "effect/crypto"
import { SessionId } from "../src/domain/Ids.ts"
import { type Place, Sealed, SecretBox } from "../src/SecretBox.ts"
import { credential, vault } from "./support/records.ts"

const key = (fill: number) => Buffer.alloc(32, fill).toString("base64")

const box = (rootKey?: string) =>
  Layer.fresh(SecretBox.layer).pipe(
    Layer.provide([Aead.layerWebCrypto, Mac.layerWebCrypto]),
    Layer.provide([
      SecureRandom.layerWebCrypto,
      ConfigProvider.layer(ConfigProvider.fromUnknown(rootKey === undefined ? {} : { OWNLOOP_ROOT_KEY: rootKey }))
    ])
  )

const place = (fields: Partial<Place> = {}): Place => ({
  vault: vault("1").id,
  credential: credential("1").id,
  field: "token",
  ...fields
})

const secret = "hunter2-🐈-hunter2"
const seal = (at = place()) => SecretBox.use((box) => box.seal(Redacted.make(secret), at))
const open = (sealed: Sealed, at = place()) =>
  SecretBox.use((box) => Effect.map(box.open(sealed, at), (value) => Redacted.value(value)))

describe("a secret box", () => {
  it.effect("opens what it sealed, and says nothing of it", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* seal(), yield* seal()]
      assert.notStrictEqual(first, second)
      assert.match(first, /^k1\.[\w-]{16}\.[\w-]+$/)
      for (const form of [secret, Buffer.from(secret).toString("base64url")]) assert.notInclude(first, form)
      assert.strictEqual(yield* open(first), secret)
      const opened = yield* SecretBox.use((box) => box.open(first, place()))
      assert.notInclude(`${JSON.stringify(opened)} ${inspect(opened)}`, "hunter2")
    }).pipe(Effect.provide(box(`k1:${key(1)}`)))
  )

  it.effect.each<[what: string, at: Partial<Place>]>([
    ["vault", { vault: vault("2").id }],
    ["credential", { credential: credential("2").id }],
    ["field", { field: "refresh_token" }]
  ])("refuses a value that was moved to another %s", ([, at]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(open(yield* seal(), place(at)))
      assert.deepStrictEqual(
        [error._tag, error.message],
        ["SecretUnreadable", "what is stored was damaged, or does not belong here"]
      )
    }).pipe(Effect.provide(box(`k1:${key(1)}`)))
  )

  it.effect("refuses what was changed, and what never was a sealed value", () =>
    Effect.gen(function* () {
      const sealed = yield* seal()
      const flipped = sealed.slice(0, -2) + (sealed.at(-2) === "A" ? "B" : "A") + sealed.slice(-1)
      for (const text of [flipped, sealed.slice(0, 30), "k1..", "k1.!.!", "k1.AAAA.AAAA", `k1.${"A".repeat(16)}.`]) {
        assert.strictEqual((yield* Effect.flip(open(Sealed.make(text))))._tag, "SecretUnreadable", text)
      }
    }).pipe(Effect.provide(box(`k1:${key(1)}`)))
  )

  it.effect("seals under its first key, and opens what any of its keys sealed", () =>
    Effect.gen(function* () {
      const old = yield* seal().pipe(Effect.provide(box(`k1:${key(1)}`)))
      yield* Effect.gen(function* () {
        const { isCurrent, keyId } = yield* SecretBox
        const now = yield* seal()
        assert.deepStrictEqual([keyId, isCurrent(now), isCurrent(old)], ["k2", true, false])
        assert.deepStrictEqual([yield* open(now), yield* open(old)], [secret, secret])
      }).pipe(Effect.provide(box(`k2:${key(2)}, k1:${key(1)}`)))
      const error = yield* Effect.flip(open(old)).pipe(Effect.provide(box(`k2:${key(2)}`)))
      assert.strictEqual(error.message, "OWNLOOP_ROOT_KEY has no key named k1")
      const other = yield* Effect.flip(open(old)).pipe(Effect.provide(box(`k1:${key(9)}`)))
      assert.include(other.message, "damaged")
    })
  )

  it.effect("without a key neither seals nor opens, and says how to make one", () =>
    Effect.gen(function* () {
      const sealed = yield* seal().pipe(Effect.provide(box(`k1:${key(1)}`)))
      const refused = yield* Effect.flip(seal())
      assert.strictEqual(refused._tag, "RootKeyMissing")
      for (const { message } of [refused, yield* Effect.flip(open(sealed))]) assert.include(message, "openssl rand")
      assert.deepStrictEqual(
        yield* SecretBox.use((box) => box.placeholders(SessionId.make("sesn_1"), credential("1").id)),
        []
      )
    }).pipe(Effect.provide(box()))
  )

  it.effect(
    "names a credential to each session differently, and under a new key anew, while the old name still counts",
    () =>
      Effect.gen(function* () {
        const names = (session: string, rootKey: string) =>
          SecretBox.use((box) => box.placeholders(SessionId.make(session), credential("1").id)).pipe(
            Effect.provide(box(rootKey))
          )
        const [one = ""] = yield* names("sesn_1", `k1:${key(1)}`)
        const [two = ""] = yield* names("sesn_2", `k1:${key(1)}`)
        assert.match(one, /^ownloop_[\w-]{43}$/)
        assert.notStrictEqual(one, two)
        const rotated = yield* names("sesn_1", `k2:${key(2)},k1:${key(1)}`)
        assert.deepStrictEqual([rotated.length, rotated[1], rotated[0] === one], [2, one, false])
      })
  )

  it.effect.each<[rootKey: string, problem: string]>([
    ["nonsense-nonsense", "OWNLOOP_ROOT_KEY: entry 1 is not of the form <id>:<32 bytes in base64>"],
    [key(1), "OWNLOOP_ROOT_KEY: entry 1 is not of the form <id>:<32 bytes in base64>"],
    [`k1:${key(1)},`, "OWNLOOP_ROOT_KEY: entry 2 is not of the form <id>:<32 bytes in base64>"],
    [`k1:${key(1)},k2:QUJD`, "OWNLOOP_ROOT_KEY: entry 2 (k2) does not hold 32 bytes"],
    [`k1:${key(1)},k1:${key(2)}`, "OWNLOOP_ROOT_KEY: entry 2 has the id of an earlier one (k1)"]
  ])("refuses a root key that is none: %s", ([rootKey, problem]) =>
    Effect.map(Effect.flip(Effect.provide(seal(), box(rootKey))), (error) => {
      assert.strictEqual(error.message, problem)
      assert.notInclude(`${JSON.stringify(error)} ${inspect(error)}`, key(1))
    })
  )
})
