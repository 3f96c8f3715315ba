import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { AnthropicKeyRefused, carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import { envelope, type ErrorType, RequestId } from "./Errors.ts"
import { AllowedOrigins, originOf, preflight, shared } from "./Origins.ts"
import { pathOf } from "./Problem.ts"
import { period } from "../RateLimiter.ts"

const maxBody = ByteSize.mebibytes(4)

/**
 * What is true of every answer, whatever route it comes from: the error envelope, the id of the request, the limit on its body, which pages may
 * ask, and the headers that keep a browser from making more of an answer than it is.
 */
export const layer: Layer.Layer<never, never, HttpRouter.HttpRouter | SecureRandom.SecureRandom | AllowedOrigins> =
  HttpRouter.middleware(
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const allowed = yield* AllowedOrigins
      return (route) =>
        Effect.gen(function* () {
          const id = `req_${yield* random.ulid}`
          const request = yield* HttpServerRequest.HttpServerRequest
          const origin = originOf(request, allowed)
          const admitted =
            origin.type === "foreign"
              ? errorResponse(403, "permission_error", foreign)
              : origin.type === "listed" && request.method === "OPTIONS"
                ? Effect.succeed(preflight(request))
                : Effect.catchCause(route, (cause) => onCause(cause, request))
          const answer = refuseAnthropicKey(request) ?? admitted
          const headers = {
            "request-id": id,
            ...(request.originalUrl.startsWith("https:") ? overTls : anyway),
            ...(origin.type === "listed" ? shared(origin.origin) : {})
          }
          return yield* Effect.flatMap(answer, (response) => finish(response, headers)).pipe(
            Effect.provideService(RequestId, id),
            Effect.provideService(HttpServerRequest.MaxBodySize, maxBody),
            Effect.annotateLogs("request_id", id)
          )
        })
    }),
    { global: true }
  )

const foreign =
  "pages of this origin may not use this API: CORS_ORIGINS of the deployment lists those that may, and by default there are none"

const anyway = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store"
}
const overTls = { ...anyway, "strict-transport-security": "max-age=31536000" }

/** An answer in the error envelope. */
export const errorResponse = (
  status: number,
  type: ErrorType,
  message: string
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(envelope(type, message), (body) => HttpServerResponse.jsonUnsafe(body, { status }))

const placeOf = (headers: ReadonlyArray<readonly [name: string, value: string]>, url: string): string | undefined => {
  if (carriesAnthropicKey(url)) return "the URL"
  if (headers.some(([name]) => carriesAnthropicKey(name))) return "the name of a header"
  const name = headers.find(([, value]) => carriesAnthropicKey(value))?.[0]
  return name === undefined ? undefined : `the header ${name}`
}

/** Before anything else sees the request: only the name of the place goes on from here. */
const refuseAnthropicKey = ({ headers, url }: HttpServerRequest.HttpServerRequest) => {
  const where = placeOf(Object.entries(headers), url)
  if (where === undefined) return undefined
  const { message } = new AnthropicKeyRefused({ where })
  // The access log would repeat the URL.
  return HttpMiddleware.withLoggerDisabled(
    errorResponse(401, "authentication_error", `${message}. Send the value of OWNLOOP_API_KEY as authToken instead`)
  )
}

const onCause = <E>(cause: Cause.Cause<E>, request: HttpServerRequest.HttpServerRequest) => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
  const error: unknown = Cause.squash(cause)
  if (HttpServerError.isHttpServerError(error)) {
    switch (error.reason._tag) {
      case "RouteNotFound":
        return errorResponse(404, "not_found_error", `there is no ${request.method} ${pathOf(request)}`)
      case "RequestParseError":
        return error.reason.reason === "BodyTooLarge"
          ? errorResponse(413, "request_too_large", `the body is larger than ${maxBody} bytes`)
          : errorResponse(400, "invalid_request_error", "the body could not be read")
    }
  }
  return Effect.andThen(
    Effect.logError("a request failed for a reason that is not the client's", cause),
    errorResponse(500, "api_error", "something went wrong on this side; the deployment's log has the reason")
  )
}

const finish = Effect.fnUntraced(function* (
  response: HttpServerResponse.HttpServerResponse,
  headers: Readonly<Record<string, string>>
) {
  // The one answer that HttpApi itself gives as plain text.
  const enveloped =
    response.status === 415
      ? yield* errorResponse(400, "invalid_request_error", "content-type: expected application/json")
      : response
  return HttpServerResponse.setHeaders(enveloped, {
    ...headers,
    // A page may ask to be named to its own deployment.
    ...(enveloped.headers["referrer-policy"] === undefined
      ? {}
      : { "referrer-policy": enveloped.headers["referrer-policy"] }),
    // The SDK would ask again on its own: no answer of ours changes by waiting.
    ...(enveloped.status === 409 ? { "x-should-retry": "false" } : {}),
    ...(enveloped.status === 429 ? { "retry-after": String(period) } : {})
  })
})
