import { Layer, Option } from "effect"
import type { SecureRandom } from "effect/crypto"
import { HttpRouter } from "effect/http"
import { AnthropicKeyRefused, isAnthropicKey } from "../domain/AnthropicKey.ts"
import * as Answer from "./Answer.ts"

/** Finds an Anthropic key in a Worker's environment, by its usual name or by its look. While there is one, a composition root must do nothing. */
export const findAnthropicKey = (env: Readonly<Record<string, unknown>>): Option.Option<AnthropicKeyRefused> => {
  const name = Object.keys(env).find((name) => {
    const value = env[name]
    return typeof value === "string" && value !== "" && (name === "ANTHROPIC_API_KEY" || isAnthropicKey(value))
  })
  return Option.map(Option.fromUndefinedOr(name), (name) => new AnthropicKeyRefused({ where: `the variable ${name}` }))
}

/** Takes the place of `Api.layer`, and of whatever else a root serves: every request is answered 503, with the reason. */
export const layer = ({
  message
}: AnthropicKeyRefused): Layer.Layer<never, never, HttpRouter.HttpRouter | SecureRandom.SecureRandom> =>
  HttpRouter.add("*", "/*", Answer.errorResponse(503, "api_error", `${message}. Remove it and deploy again`)).pipe(
    Layer.merge(Answer.layer)
  )
