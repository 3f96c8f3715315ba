import * as Stream from "effect/Stream"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import { ConnectionFailed, ModelClient, ModelError, type ModelErrorReason } from "../../src/ModelClient.ts"
import type { ModelRequest } from "../../src/ModelClient.ts"
import * as AiGateway from "../../src/model/AiGateway.ts"
import * as ChatCompletions from "../../src/model/ChatCompletions.ts"
import { isEmptyAnswer } from "../../src/model/ChatStream.ts"
import { asking, habitsOf } from "../../src/model/Profiles.ts"
import { clip } from "../../src/model/ProviderFailure.ts"
import * as WorkersAiFailure from "../../src/model/WorkersAiFailure.ts"
import * as Answer from "./Answer.ts"
import * as Http from "./Http.ts"
import * as Silence from "./Silence.ts"

/** What is used of the Worker's `AI` binding. It answers a stream of bytes, or a whole answer as an object. */
export interface AiBinding {
  run(
    model: string,
    inputs: Record<string, unknown>,
    options: {
      readonly extraHeaders: object
      readonly signal: AbortSignal
      readonly gateway?: AiGateway.Gateway
    }
  ): Promise<unknown>
}

export interface Options {
  /** The AI Gateway that requests go through. */
  readonly gateway?: AiGateway.Gateway | undefined
  readonly timeouts?: Silence.Timeouts
}

/** The session, so that the prefix cache hits; and what the gateway is told, which the binding's own option does not do for all of it. */
const headersOf = (request: ModelRequest, gateway: AiGateway.Gateway | undefined) => ({
  ...(gateway === undefined ? {} : AiGateway.headers(gateway)),
  "x-session-affinity": request.sessionId
})

const fields = (request: ModelRequest, stream: boolean) => {
  const { quirks, toolChoice } = habitsOf(request.model)
  return {
    ...(request.tools.length === 0 || toolChoice === null ? {} : { tool_choice: toolChoice }),
    stream,
    ...asking(request),
    ...(quirks.includes("stops_after_256_tokens") ? { max_tokens: 4096 } : {}),
    ...(stream && !quirks.includes("no_stream_options") ? { stream_options: { include_usage: true } } : {})
  }
}

const inputs = (request: ModelRequest) => ({
  ...fields(request, true),
  ...ChatCompletions.tools(request),
  messages: ChatCompletions.messages(request, habitsOf(request.model).reasoningField)
})

const toModelError = (request: ModelRequest) => (reason: ModelErrorReason) =>
  new ModelError({ model: request.model, reason })

/** Through the binding, for models `@cf/...`. */
export const fromBinding = (
  ai: AiBinding,
  { gateway, timeouts = Silence.defaultTimeouts }: Options = {}
): ModelClient["Service"] => {
  const through = gateway === undefined ? {} : { gateway: AiGateway.withDefaults(gateway) }
  const body = (request: ModelRequest): Stream.Stream<Uint8Array, ModelErrorReason> =>
    Effect.tryPromise({
      try: (signal) =>
        ai.run(request.model, inputs(request), {
          extraHeaders: headersOf(request, through.gateway),
          signal,
          ...through
        }),
      catch: bindingReason
    }).pipe(
      Effect.timeoutOrElse({
        duration: timeouts.firstByte,
        orElse: () => Effect.fail(Silence.noAnswer(timeouts))
      }),
      Effect.map((answer) =>
        answer instanceof ReadableStream
          ? Stream.fromReadableStream<Uint8Array, ModelErrorReason>({
              evaluate: () => answer,
              onError: (cause) => new ConnectionFailed({ detail: clip(messageOf(cause)) })
            })
          : Stream.make(new TextEncoder().encode(JSON.stringify(answer)))
      ),
      Stream.unwrap,
      Stream.timeoutOrElse({
        duration: timeouts.betweenChunks,
        orElse: () => Stream.fail(Silence.noMore(timeouts))
      })
    )
  return ModelClient.of({
    stream: (request) =>
      Stream.mapError(Answer.parts(body(request), WorkersAiFailure.classify, request), toModelError(request))
  })
}

const messageOf = (cause: unknown): string => (Predicate.isError(cause) ? cause.message : String(cause))

/** The binding throws errors that are nothing but text. One that begins with a code is the platform's own, whatever its text speaks of. */
const bindingReason = (cause: unknown): ModelErrorReason => {
  const detail = messageOf(cause)
  return /connection lost|network/i.test(detail) && !WorkersAiFailure.hasCode(detail)
    ? new ConnectionFailed({ detail: clip(detail) })
    : WorkersAiFailure.classify({ status: 500, code: "", detail })
}

export const layer = ({ ai }: { readonly ai: AiBinding }): Layer.Layer<ModelClient> =>
  Layer.succeed(ModelClient, fromBinding(ai))

export interface Account {
  readonly id: string
  readonly token: Redacted.Redacted
  readonly apiUrl: string
}

/** The account for the REST API, which is there where the binding is not. */
export const account = Config.all({
  id: Config.String("CLOUDFLARE_ACCOUNT_ID"),
  token: Config.Redacted("CLOUDFLARE_API_TOKEN"),
  apiUrl: Config.NonEmptyString("CLOUDFLARE_API_BASE_URL").pipe(
    Config.withDefault("https://api.cloudflare.com/client/v4")
  )
})

/** Through the REST API, for models `@cf/...`. */
export const fromAccount = Effect.fnUntraced(function* (
  { id, token, apiUrl }: Account,
  { gateway, timeouts = Silence.defaultTimeouts }: Options = {}
): Effect.fn.Return<ModelClient["Service"], AnthropicKeyRefused, HttpClient.HttpClient> {
  yield* Http.refuseVendorKey("CLOUDFLARE_API_TOKEN", token)
  const http = yield* HttpClient.HttpClient
  const classify = Http.masking(WorkersAiFailure.classify, [token])
  const silence = Silence.make(timeouts)
  const write = ChatCompletions.bodyWriter("reasoning")
  const through = gateway === undefined ? undefined : AiGateway.withDefaults(gateway)
  const send = (request: ModelRequest, stream: boolean) =>
    HttpClientRequest.post(`${apiUrl}/accounts/${id}/ai/run/${request.model}`).pipe(
      HttpClientRequest.bearerToken(token),
      HttpClientRequest.setHeaders({
        ...headersOf(request, through),
        ...(through === undefined ? {} : { "cf-aig-gateway-id": through.id })
      }),
      HttpClientRequest.bodyText(write(fields(request, stream), request), "application/json"),
      (wire) => Answer.parts(Http.send(http, wire, classify, silence), classify, request)
    )
  return ModelClient.of({
    stream: (request) =>
      send(request, true).pipe(
        // Some models do not stream here, and answer nothing at all where they are asked to.
        Stream.catchIf(isEmptyAnswer, () => send(request, false)),
        Stream.mapError(toModelError(request))
      )
  })
})

export const layerRest: Layer.Layer<ModelClient, Config.ConfigError | AnthropicKeyRefused, HttpClient.HttpClient> =
  Layer.effect(
    ModelClient,
    Effect.flatMap(account, (account) => fromAccount(account))
  )
