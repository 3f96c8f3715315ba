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

const error = [wire.AuthenticationFailed, wire.Unavailable] as const
const security = { bearer: HttpApiSecurity.bearer, apiKey: HttpApiSecurity.apiKey({ key: "x-api-key" }) }

/** Fails for what is not the key. */
const check = Effect.map(ApiKey, (key) => {
  const expected = Option.map(key, bytes)
  return (credential: Redacted.Redacted): Effect.Effect<void, AuthenticationFailed | Unavailable> =>
    Option.match(expected, {
      onNone: () => Effect.fail(new Unavailable({ message: unset })),
      onSome: (expected) =>
        Mac.timingSafeEqual(expected, bytes(credential))
          ? Effect.void
          : Effect.fail(new AuthenticationFailed({ message: wrong }))
    })
})

/** Lets a request pass that brings the key as `Authorization: Bearer` or as `x-api-key`. */
export class Authorization extends HttpApiMiddleware.Service<Authorization>()("ownloop/api/Auth/Authorization", {
  error,
  security
}) {
  static readonly layer: Layer.Layer<Authorization, never, ApiKey> = Layer.effect(
    Authorization,
    Effect.map(check, (check) => ({
      bearer: (httpEffect, { credential }) => Effect.flatMap(check(credential), () => httpEffect),
      apiKey: (httpEffect, { credential }) => Effect.flatMap(check(credential), () => httpEffect)
    }))
  )
}

/** The subprotocol of WebSockets. */
export const protocol = "ownloop"

/** Lets a request also pass that brings the key as a WebSocket's subprotocol: browsers can set no headers there. */
export class SocketAuthorization extends HttpApiMiddleware.Service<SocketAuthorization>()(
  "ownloop/api/Auth/SocketAuthorization",
  { error, security: { ...security, webSocket: HttpApiSecurity.apiKey({ key: "sec-websocket-protocol" }) } }
) {
  static readonly layer: Layer.Layer<SocketAuthorization, never, ApiKey> = Layer.effect(
    SocketAuthorization,
    Effect.map(check, (check) => ({
      bearer: (httpEffect, { credential }) => Effect.flatMap(check(credential), () => httpEffect),
      apiKey: (httpEffect, { credential }) => Effect.flatMap(check(credential), () => httpEffect),
      webSocket: (httpEffect, { credential }) => Effect.flatMap(check(offered(credential)), () => httpEffect)
    }))
  )
}

const bytes = (key: Redacted.Redacted): Uint8Array => new TextEncoder().encode(Redacted.value(key))

/** The key among the subprotocols that a client offers: `ownloop.key.` and the key, percent-encoded. */
const offered = (protocols: Redacted.Redacted): Redacted.Redacted => {
  const prefix = `${protocol}.key.`
  const key = Redacted.value(protocols)
    .split(/\s*,\s*/)
    .find((name) => name.startsWith(prefix))
    ?.slice(prefix.length)
  return Redacted.make(Option.getOrElse(Option.liftThrowable(decodeURIComponent)(key ?? ""), () => ""))
}

const unset =
  "the secret OWNLOOP_API_KEY is not set, so nobody is answered: set it with `npx wrangler secret put OWNLOOP_API_KEY`"

const wrong =
  "send this deployment's OWNLOOP_API_KEY as `Authorization: Bearer` (authToken in the SDK) or as `x-api-key`"
