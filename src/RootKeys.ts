import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"

export const howToMake =
  'OWNLOOP_ROOT_KEY is not set. Make one with `echo "k1:$(openssl rand -base64 32)"` and set it as a secret of the Worker'

/** Names the entry, never what it holds. */
export class RootKeyInvalid extends Schema.TaggedError<RootKeyInvalid>()("RootKeyInvalid", { detail: Schema.String }) {
  override get message(): string {
    return `OWNLOOP_ROOT_KEY: ${this.detail}`
  }
}

export interface RootKey {
  readonly id: string
  readonly bytes: Redacted.Redacted<Uint8Array>
}

/** Reads `<id>:<32 bytes in base64>`, several of them with commas between: the first one seals, the others only open. */
export const decode = Effect.fnUntraced(function* (text: Redacted.Redacted) {
  const keys: Array<RootKey> = []
  for (const [index, entry] of Redacted.value(text).split(",").entries()) {
    const field = `entry ${index + 1}`
    const match = /^\s*([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]+={0,2})\s*$/.exec(entry)
    if (match === null) {
      return yield* new RootKeyInvalid({ detail: `${field} is not of the form <id>:<32 bytes in base64>` })
    }
    const [, id = "", encoded = ""] = match
    const bytes = Result.getOrElse(Base64.decode(encoded), () => new Uint8Array())
    if (bytes.length !== 32) return yield* new RootKeyInvalid({ detail: `${field} (${id}) does not hold 32 bytes` })
    if (keys.some((key) => key.id === id)) {
      return yield* new RootKeyInvalid({ detail: `${field} has the id of an earlier one (${id})` })
    }
    keys.push({ id, bytes: Redacted.make(bytes, { label: `root key ${id}` }) })
  }
  return keys
})

/** The deployment's root keys; none where the secret is not set. */
export const config = Effect.flatMap(
  Config.option(Config.Redacted("OWNLOOP_ROOT_KEY")),
  Option.match({ onNone: () => Effect.succeed<ReadonlyArray<RootKey>>([]), onSome: decode })
)
