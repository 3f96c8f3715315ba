import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aead from "effect/crypto/Aead"
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Base64Url from "effect/encoding/Base64Url"
import type { CredentialId, SessionId, VaultId } from "./domain/Ids.ts"
import type { SecretField } from "./domain/Vault.ts"
import * as RootKeys from "./RootKeys.ts"

/** A value as it is stored: `<key id>.<nonce>.<ciphertext>`, the last two in base64url. */
export const Sealed = Schema.String.pipe(Schema.brand("Sealed"))
export type Sealed = typeof Sealed.Type

/** Where a sealed value belongs. It cannot be opened anywhere else, so that stored values cannot be swapped. */
export interface Place {
  readonly vault: VaultId
  readonly credential: CredentialId
  readonly field: SecretField
}

export class RootKeyMissing extends Schema.TaggedError<RootKeyMissing>()("RootKeyMissing", {}) {
  override get message(): string {
    return `no secret can be stored: ${RootKeys.howToMake}`
  }
}

/** The stored value cannot be read. Never says anything of the value. */
export class SecretUnreadable extends Schema.TaggedError<SecretUnreadable>()("SecretUnreadable", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** Seals secrets under the deployment's root key with AES-256-GCM, and opens those that are under any key it still has. */
export class SecretBox extends Context.Service<
  SecretBox,
  {
    seal(secret: Redacted.Redacted, place: Place): Effect.Effect<Sealed, RootKeyMissing>
    open(sealed: Sealed, place: Place): Effect.Effect<Redacted.Redacted, SecretUnreadable>
    /** Whether it is under the key that seals now. */
    isCurrent(sealed: Sealed): boolean
    /** The key that seals now; undefined where there is none. */
    readonly keyId: string | undefined
    /**
     * What stands for a credential in a session's sandbox: opaque, unguessable, of letters, digits, `-` and `_`. The first is the one to
     * hand out; the others are those of earlier keys, which the sandbox may still hold. None where there is no key.
     */
    placeholders(session: SessionId, credential: CredentialId): Effect.Effect<ReadonlyArray<string>>
  }
>()("ownloop/SecretBox") {
  static readonly layer: Layer.Layer<
    SecretBox,
    RootKeys.RootKeyInvalid | Config.ConfigError,
    Aead.Aead | Mac.Mac | SecureRandom.SecureRandom
  > = Layer.effect(
    SecretBox,
    Effect.gen(function* () {
      const aead = yield* Aead.Aead
      const mac = yield* Mac.Mac
      const random = yield* SecureRandom.SecureRandom
      const keys = yield* Effect.forEach(yield* RootKeys.config, ({ id, bytes }) =>
        Effect.all({
          id: Effect.succeed(id),
          seal: Effect.orDie(Aead.key(Aead.aes256Gcm, Redacted.value(bytes))),
          name: Effect.orDie(Mac.key(Mac.hmacSha256, Redacted.value(bytes)))
        })
      )
      const [active] = keys

      const seal = Effect.fn("SecretBox.seal")(function* (secret: Redacted.Redacted, place: Place) {
        if (active === undefined) return yield* new RootKeyMissing()
        const nonce = yield* random.randomBytes(Aead.aes256Gcm.nonceLength)
        const options = { nonce, aad: aadOf(active.id, place) }
        const text = encoder.encode(Redacted.value(secret))
        const ciphertext = yield* Effect.orDie(aead.encrypt(active.seal, text, options))
        return Sealed.make([active.id, Base64Url.encode(nonce), Base64Url.encode(ciphertext)].join("."))
      })

      const open = Effect.fn("SecretBox.open")(function* (sealed: Sealed, place: Place) {
        const [id = "", nonce = "", ciphertext = ""] = sealed.split(".")
        const key = keys.find((key) => key.id === id)
        if (key === undefined) {
          const why = active === undefined ? RootKeys.howToMake : `OWNLOOP_ROOT_KEY has no key named ${id}`
          return yield* new SecretUnreadable({ detail: why })
        }
        const parts = Result.all([Base64Url.decode(nonce), Base64Url.decode(ciphertext)])
        if (Result.isFailure(parts)) return yield* damaged
        const [nonceBytes, bytes] = parts.success
        const text = yield* aead
          .decrypt(key.seal, bytes, { nonce: nonceBytes, aad: aadOf(id, place) })
          .pipe(Effect.catchCause(() => damaged))
        return Redacted.make(decoder.decode(text))
      })

      const placeholders = Effect.fn("SecretBox.placeholders")((session: SessionId, credential: CredentialId) =>
        Effect.forEach(keys, ({ name }) =>
          Effect.map(
            Effect.orDie(mac.sign(name, encoder.encode(["ownloop placeholder", session, credential].join("\n")))),
            (tag) => `ownloop_${Base64Url.encode(tag)}`
          )
        )
      )

      return SecretBox.of({
        seal,
        open,
        placeholders,
        isCurrent: (sealed) => active !== undefined && sealed.startsWith(`${active.id}.`),
        keyId: active?.id
      })
    })
  )
}

const aadOf = (keyId: string, { vault, credential, field }: Place) =>
  encoder.encode(["ownloop secret", keyId, vault, credential, field].join("\n"))

const damaged = Effect.fail(new SecretUnreadable({ detail: "what is stored was damaged, or does not belong here" }))

const encoder = new TextEncoder()
const decoder = new TextDecoder()
