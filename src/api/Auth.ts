import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import type { AccessTokens } from "../AccessTokens.ts"
import type { Scope } from "../domain/ApiKey.ts"
import { RateLimiter } from "../RateLimiter.ts"
import { errorResponse } from "./Answer.ts"
import * as Body from "./Body.ts"
import { Caller, checkScope, neededScope } from "./Caller.ts"
import { kinds, RateLimited, wire } from "./Errors.ts"
import * as Identity from "./Identity.ts"
import type { KnownKeys } from "./KnownKeys.ts"

const error = [
  wire.InvalidRequest,
  wire.AuthenticationFailed,
  wire.PermissionDenied,
  wire.RateLimited,
  wire.Unavailable
] as const

/** What may be sent, for OpenAPI. Whichever is asked first looks at all of them: which one is good is decided once. */
const security = {
  bearer: HttpApiSecurity.bearer,
  apiKey: HttpApiSecurity.apiKey({ key: "x-api-key" }),
  access: HttpApiSecurity.apiKey({ key: "cf-access-jwt-assertion" })
}

type Services = Identity.DeploymentKey | AccessTokens | KnownKeys | RateLimiter

/** Lets a request pass whose sender is known, may do this, and does not do it too often; with a body that holds no Anthropic key. */
const door = (keysOf: (headers: HttpServerRequest.HttpServerRequest["headers"]) => ReadonlyArray<string | undefined>) =>
  Effect.gen(function* () {
    const identify = yield* Identity.make
    const limiter = yield* RateLimiter

    const admit = Effect.fnUntraced(function* (needed: Scope) {
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      const caller = yield* identify({
        keys: keysOf(headers).filter((key): key is string => key !== undefined && key !== ""),
        accessToken: headers["cf-access-jwt-assertion"],
        address: headers["cf-connecting-ip"]
      })
      const { id, type } = caller.actor
      if (!(yield* limiter.requests(`${type} ${id}`))) return yield* new RateLimited({ message: tooMany })
      yield* checkScope(caller, needed)
      return { caller, guarded: yield* Body.guard }
    })

    return <E, R>(
      httpEffect: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
      { endpoint }: { readonly endpoint: HttpApiEndpoint.Top }
    ) =>
      Effect.matchEffect(admit(neededScope(endpoint)), {
        onFailure: ({ _tag, message }) => errorResponse(kinds[_tag].status, kinds[_tag].type, message),
        onSuccess: ({ caller, guarded }) => Effect.provideService(guarded(httpEffect), Caller, caller)
      })
  })

const bearer = (authorization = "") => /^bearer +(.*)$/i.exec(authorization)?.[1]

/** Asks for a key as `Authorization: Bearer` or as `x-api-key`, or for a token of Cloudflare Access. */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: Caller }>()(
  "ownloop/api/Auth/Authorization",
  { error, security }
) {
  static readonly layer: Layer.Layer<Authorization, never, Services> = Layer.effect(
    Authorization,
    Effect.map(
      door((headers) => [bearer(headers.authorization), headers["x-api-key"]]),
      (pass) => ({ bearer: pass, apiKey: pass, access: pass })
    )
  )
}

/** The subprotocol of WebSockets. */
export const protocol = "ownloop"

/** Takes a key as a WebSocket's subprotocol too: browsers can set no headers there. */
export class SocketAuthorization extends HttpApiMiddleware.Service<SocketAuthorization, { provides: Caller }>()(
  "ownloop/api/Auth/SocketAuthorization",
  { error, security: { ...security, webSocket: HttpApiSecurity.apiKey({ key: "sec-websocket-protocol" }) } }
) {
  static readonly layer: Layer.Layer<SocketAuthorization, never, Services> = Layer.effect(
    SocketAuthorization,
    Effect.map(
      door((headers) => [
        bearer(headers.authorization),
        headers["x-api-key"],
        offered(headers["sec-websocket-protocol"])
      ]),
      (pass) => ({ bearer: pass, apiKey: pass, access: pass, webSocket: pass })
    )
  )
}

/** The key among the subprotocols that a client offers: `ownloop.key.` and the key, percent-encoded. */
const offered = (protocols = ""): string | undefined => {
  const prefix = `${protocol}.key.`
  const key = protocols
    .split(/\s*,\s*/)
    .find((name) => name.startsWith(prefix))
    ?.slice(prefix.length)
  return Option.getOrUndefined(Option.liftThrowable(decodeURIComponent)(key ?? ""))
}

const tooMany = "too many requests: wait a moment"
