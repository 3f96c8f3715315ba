import * as Stream from "effect/Stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import { ModelClient, ModelError, ModelNotFound, type ModelRequest } from "../../src/ModelClient.ts"
import * as ChatCompletions from "../../src/model/ChatCompletions.ts"
import { asking, habitsOf } from "../../src/model/Profiles.ts"
import * as ProviderFailure from "../../src/model/ProviderFailure.ts"
import * as WorkersAiFailure from "../../src/model/WorkersAiFailure.ts"
import * as Answer from "./Answer.ts"
import * as Http from "./Http.ts"
import * as Silence from "./Silence.ts"

/** A server that speaks the chat completions API: Ollama, llama.cpp, vLLM, LM Studio, a gateway. */
export interface Provider {
  /** The part of a model id before the first slash. */
  readonly name: string
  /** With the version: `http://127.0.0.1:11434/v1`. */
  readonly baseUrl: string
  readonly apiKey?: Redacted.Redacted | undefined
  readonly headers?: { readonly [name: string]: string }
  readonly secretHeaders?: { readonly [name: string]: Redacted.Redacted }
  readonly timeouts?: Silence.Timeouts
}

/** A client of one provider. Serves `<name>/<model>` and sends `<model>`. */
export const make = Effect.fnUntraced(function* ({
  name,
  baseUrl,
  apiKey,
  headers = {},
  secretHeaders = {},
  timeouts = Silence.defaultTimeouts
}: Provider): Effect.fn.Return<ModelClient["Service"], AnthropicKeyRefused, HttpClient.HttpClient> {
  const secrets = [...(apiKey === undefined ? [] : [apiKey]), ...Object.values(secretHeaders)]
  for (const secret of secrets) yield* Http.refuseVendorKey(`a secret of the model provider ${name}`, secret)
  const http = yield* HttpClient.HttpClient
  const silence = Silence.make(timeouts)
  const reasonOf = Http.masking(ProviderFailure.reasonOf, secrets)
  /** Behind a gateway it says what is wrong in codes of its own. */
  const reasonOfWorkersAi = Http.masking(WorkersAiFailure.classify, secrets)
  const writers = {
    reasoning: ChatCompletions.bodyWriter("reasoning"),
    reasoning_content: ChatCompletions.bodyWriter("reasoning_content")
  }
  const prefix = `${name}/`
  const endpoint = HttpClientRequest.post(`${baseUrl.replace(/\/+$/, "")}/chat/completions`).pipe(
    HttpClientRequest.setHeaders({ ...headers, ...Record.map(secretHeaders, (secret) => Redacted.value(secret)) }),
    (request) => (apiKey === undefined ? request : HttpClientRequest.bearerToken(request, apiKey))
  )

  const answer = (request: ModelRequest) => {
    if (!request.model.startsWith(prefix)) {
      return Stream.fail(new ModelNotFound({ detail: `this provider serves ${prefix}<model>` }))
    }
    const model = request.model.slice(prefix.length)
    const classify = model.includes("@cf/") ? reasonOfWorkersAi : reasonOf
    const body = writers[habitsOf(model).reasoningField](
      { model, stream: true, stream_options: { include_usage: true }, ...asking(request) },
      request
    )
    return endpoint.pipe(
      HttpClientRequest.setHeader("x-session-affinity", request.sessionId),
      HttpClientRequest.bodyText(body, "application/json"),
      (wire) => Answer.parts(Http.send(http, wire, classify, silence), classify, request)
    )
  }

  return ModelClient.of({
    stream: (request) => Stream.mapError(answer(request), (reason) => new ModelError({ model: request.model, reason }))
  })
})

export const layer = (provider: Provider): Layer.Layer<ModelClient, AnthropicKeyRefused, HttpClient.HttpClient> =>
  Layer.effect(ModelClient, make(provider))
