import * as Stream from "effect/Stream"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { AnthropicKeyRefused, carriesAnthropicKey } from "../../src/domain/AnthropicKey.ts"
import { partsOf } from "../../src/egress/scrub.ts"
import { ConnectionFailed, InvalidRequest, type ModelErrorReason } from "../../src/ModelClient.ts"
import * as ProviderFailure from "../../src/model/ProviderFailure.ts"
import type { Silence } from "./Silence.ts"

/** The body of the answer to a request; an HTTP error, and silence for too long, is a typed failure. */
export const send = (
  http: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  classify: ProviderFailure.Classify,
  silence: Silence
): Stream.Stream<Uint8Array, ModelErrorReason> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const connection = yield* Scope.make()
      // An answer that was read to its end leaves its connection to the next request.
      yield* Effect.addFinalizer((exit) => (Exit.isFailure(exit) ? Scope.close(connection, exit) : Effect.void))
      const watched = yield* silence.watch(connection)
      const reasonOf = (error: HttpClientError.HttpClientError) => watched.reason() ?? transportReason(error)

      const response = yield* HttpClient.withScope(http)
        .execute(request)
        .pipe(Effect.provideService(Scope.Scope, connection), untraced, unfollowed, Effect.mapError(reasonOf))
      watched.heard()
      if (response.status >= 300 && response.status <= 399) return yield* redirected(response)
      if (response.status < 200 || response.status > 299) return yield* refusal(response, classify)
      return response.stream.pipe(
        Stream.mapArray((pieces) => {
          watched.heard()
          return pieces
        }),
        Stream.mapError(reasonOf)
      )
    })
  )

/** The loop's own span says what there is to say; the trace's id is no concern of a model's server. */
const untraced = Effect.provideService(HttpClient.TracerDisabledWhen, () => true)

/** A redirect may lead to another server, which would be sent the conversation, and each secret header but `Authorization`. */
const unfollowed = Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })

const redirected = ({ headers, status }: HttpClientResponse.HttpClientResponse) => {
  const to = ProviderFailure.clip(headers["location"] ?? "another address")
  return Effect.fail(
    new InvalidRequest({ detail: `HTTP status ${status}: the server redirects to ${to}, which is not followed` })
  )
}

/** Pieces of an error's body that are read: enough to say what was wrong. */
const errorPieces = 8

const refusal = Effect.fnUntraced(function* (
  response: HttpClientResponse.HttpClientResponse,
  classify: ProviderFailure.Classify
) {
  const body = yield* response.stream.pipe(
    Stream.take(errorPieces),
    Stream.decodeText(),
    Stream.mkString,
    Effect.orElseSucceed(() => "")
  )
  const wait = ProviderFailure.retryAfterMs(response.headers, yield* Clock.currentTimeMillis)
  return yield* Effect.fail(classify(ProviderFailure.fromResponse(response.status, body, wait)))
})

const transportReason = ({ reason }: HttpClientError.HttpClientError): ModelErrorReason => {
  switch (reason._tag) {
    case "EncodeError":
    case "InvalidUrlError":
      return new InvalidRequest({ detail: reason.message })
    case "TransportError":
    case "StatusCodeError":
    case "DecodeError":
    case "EmptyBodyError":
      return new ConnectionFailed({ detail: ProviderFailure.clip(describe(reason.cause) || reason.message) })
  }
}

/** `fetch` says little more than that it failed: the reason is in the cause of the cause. */
const describe = (cause: unknown): string => {
  if (!(cause instanceof Error)) return ""
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : ""
  return [cause.message || code, describe(cause.cause)].filter((part) => part !== "").join(": ")
}

/** Fails, without the value, where the key is a vendor's. */
export const refuseVendorKey = (
  where: string,
  key: Redacted.Redacted | undefined
): Effect.Effect<void, AnthropicKeyRefused> =>
  key !== undefined && carriesAnthropicKey(Redacted.value(key))
    ? Effect.fail(new AnthropicKeyRefused({ where }))
    : Effect.void

/** The same with these secrets masked in what the server said: some repeat them. */
export const masking =
  (classify: ProviderFailure.Classify, secrets: ReadonlyArray<Redacted.Redacted>): ProviderFailure.Classify =>
  (failure) => {
    let { detail } = failure
    for (const secret of secrets) {
      for (const value of partsOf(Redacted.value(secret))) {
        if (value !== "") detail = detail.replaceAll(value, "[key]")
      }
    }
    return classify({ ...failure, detail })
  }
