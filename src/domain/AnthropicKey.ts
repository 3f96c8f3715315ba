import { Option, Schema } from "effect"

/** Whether a value is an Anthropic API key: it begins `sk-ant-`. */
export const isAnthropicKey = (value: string): boolean => /^\s*sk-ant-/i.test(value)

/** Whether a text holds such a key as a word of its own: `Bearer sk-ant-...`, `?key=sk-ant-...`. */
export const holdsAnthropicKey = (text: string): boolean => /(?:^|[^a-z0-9])sk-ant-/i.test(text)

/** Ownloop runs on open models: such a key has no use here and must not get anywhere. Never holds the value. */
export class AnthropicKeyRefused extends Schema.TaggedError<AnthropicKeyRefused>()("AnthropicKeyRefused", {
  /** What held it, for example `header x-api-key`. */
  where: Schema.String
}) {
  override get message(): string {
    return `${this.where} holds an Anthropic API key, which is refused everywhere: Ownloop runs on open models`
  }
}

/** Finds such a key among variables or bindings, by its usual name or by its look. */
export const findAnthropicKey = (env: Readonly<Record<string, unknown>>): Option.Option<AnthropicKeyRefused> => {
  const name = Object.keys(env).find((name) => {
    const value = env[name]
    return typeof value === "string" && value !== "" && (name === "ANTHROPIC_API_KEY" || isAnthropicKey(value))
  })
  return Option.map(Option.fromUndefinedOr(name), (name) => new AnthropicKeyRefused({ where: `the variable ${name}` }))
}
