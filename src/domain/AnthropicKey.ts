import { Option, Result, Schema } from "effect"
import { Base64 } from "effect/encoding"

/** An Anthropic API key as a word of its own: `Bearer sk-ant-...`, `?key=sk-ant-...`. */
const anthropicKey = /(?<![a-z0-9])sk-ant-[\w-]*/gi

const holdsAnthropicKey = (text: string) => text.search(anthropicKey) !== -1

/** Whether a text carries such a key: plain, percent-encoded as in a URL, or inside a `Basic` credential. */
export const carriesAnthropicKey = (text: string): boolean =>
  holdsAnthropicKey(text) ||
  (text.includes("%") && holdsAnthropicKey(unescaped(text))) ||
  holdsAnthropicKey(basic(text))

// Not `decodeURIComponent`, which throws on what is not UTF-8.
const unescaped = (text: string) =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

const basic = (text: string) => {
  const encoded = /^\s*basic\s+(\S+)/i.exec(text)?.[1]
  return encoded === undefined ? "" : Result.getOrElse(Base64.decodeString(encoded), () => "")
}

/** The text with `mask` in place of every plain key. */
export const maskAnthropicKeys = (text: string, mask: string): string => text.replace(anthropicKey, mask)

/** Ownloop runs on open models: such a key has no use here and must not get anywhere. Never holds the value. */
export class AnthropicKeyRefused extends Schema.TaggedError<AnthropicKeyRefused>()("AnthropicKeyRefused", {
  /** What held it, for example `header x-api-key`. */
  where: Schema.String
}) {
  override get message(): string {
    return `${this.where} holds an Anthropic API key, which is refused everywhere: Ownloop runs on open models`
  }
}

/** Finds such a key among variables or bindings, by its usual name or by what it carries. */
export const findAnthropicKey = (env: Readonly<Record<string, unknown>>): Option.Option<AnthropicKeyRefused> => {
  const name = Object.keys(env).find((name) => {
    const value = env[name]
    return typeof value === "string" && value !== "" && (name === "ANTHROPIC_API_KEY" || carriesAnthropicKey(value))
  })
  return Option.map(Option.fromUndefinedOr(name), (name) => new AnthropicKeyRefused({ where: `the variable ${name}` }))
}
