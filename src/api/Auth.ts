import { Config, Context, Effect, Layer, Option, Redacted } from "effect"
import { Mac } from "effect/crypto"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { AuthenticationFailed, Unavailable, wire } from "./Errors.ts"

/** The key that callers of the API must send; none where the deployment has none, and then it answers nobody. */
export class ApiKey extends Context.Service<ApiKey, Option.Option<Redacted.Redacted>>()("ownloop/api/Auth/ApiKey") {
  /** Reads `OWNLOOP_API_KEY`; an empty one is none. */
  static readonly layer: Layer.Layer<ApiKey, Config.ConfigError> = Layer.effect(
    ApiKey,
    Config.option(Config.Redacted("OWNLOOP_API_KEY"))
  )
}

/** Lets a request pass that brings the key as `Authorization: Bearer` or as `x-api-key`. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("ownloop/api/Auth/Authorization", {
  error: [wire.AuthenticationFailed, wire.Unavailable],
  security: { bearer: HttpApiSecurity.bearer, apiKey: HttpApiSecurity.apiKey({ key: "x-api-key" }) }
}) {
  static readonly layer: Layer.Layer<Authorization, never, ApiKey> = Layer.effect(
    Authorization,
    Effect.gen(function* () {
      const key = yield* ApiKey
      const expected = Option.map(key, bytes)

      const check = (credential: Redacted.Redacted): Effect.Effect<void, AuthenticationFailed | Unavailable> =>
        Option.match(expected, {
          onNone: () => Effect.fail(new Unavailable({ message: unset })),
          onSome: (expected) =>
            Mac.timingSafeEqual(expected, bytes(credential))
              ? Effect.void
              : Effect.fail(new AuthenticationFailed({ message: wrong }))
        })

      return Authorization.of({
        bearer: (httpEffect, { credential }) => Effect.flatMap(check(credential), () => httpEffect),
        apiKey: (httpEffect, { credential }) => Effect.flatMap(check(credential), () => httpEffect)
      })
    })
  )
}

const bytes = (key: Redacted.Redacted): Uint8Array => new TextEncoder().encode(Redacted.value(key))

const unset =
  "the secret OWNLOOP_API_KEY is not set, so nobody is answered: set it with `npx wrangler secret put OWNLOOP_API_KEY`"

const wrong =
  "send this deployment's OWNLOOP_API_KEY as `Authorization: Bearer` (authToken in the SDK) or as `x-api-key`"
