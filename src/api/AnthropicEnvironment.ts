import { Option } from "effect"
import { AnthropicKeyRefused, isAnthropicKey } from "../domain/AnthropicKey.ts"

/**
 * Finds an Anthropic key in a Worker's environment, by its usual name or by its look. A composition root must do nothing while there is one,
 * and answer every request with `errorResponse(503, ...)` of `Answer.ts`.
 */
export const findAnthropicKey = (env: Readonly<Record<string, unknown>>): Option.Option<AnthropicKeyRefused> => {
  const name = Object.keys(env).find((name) => {
    const value = env[name]
    return typeof value === "string" && value !== "" && (name === "ANTHROPIC_API_KEY" || isAnthropicKey(value))
  })
  return Option.map(Option.fromUndefinedOr(name), (name) => new AnthropicKeyRefused({ where: `the variable ${name}` }))
}
