import { Config, Effect, Layer, Option, Redacted, Stream } from "effect"
import type { HttpClient } from "effect/http"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import { ModelClient, ModelError, ModelNotFound } from "../../src/ModelClient.ts"
import * as Demo from "./Demo.ts"
import * as Http from "./Http.ts"
import * as OpenAiCompatible from "./OpenAiCompatible.ts"
import * as Silence from "./Silence.ts"
import * as WorkersAi from "./WorkersAi.ts"

/** A variable that is there and empty is as good as none. */
const given = <A>(config: Config.Config<A>, isEmpty: (value: A) => boolean) =>
  Config.option(config).pipe(
    Config.map((value) => Option.getOrUndefined(Option.filter(value, (value) => !isEmpty(value))))
  )

const variables = Config.all({
  baseUrl: given(Config.String("OPENAI_BASE_URL"), (url) => url === ""),
  apiKey: given(Config.Redacted("OPENAI_API_KEY"), (key) => Redacted.value(key) === ""),
  account: given(WorkersAi.account, ({ id, token }) => id === "" || Redacted.value(token) === ""),
  timeouts: Config.all({
    firstByte: Config.Duration("OWNLOOP_MODEL_FIRST_BYTE_TIMEOUT").pipe(
      Config.withDefault(Silence.defaultTimeouts.firstByte)
    ),
    betweenChunks: Config.Duration("OWNLOOP_MODEL_CHUNK_TIMEOUT").pipe(
      Config.withDefault(Silence.defaultTimeouts.betweenChunks)
    )
  })
})

/** What the environment says of models. A Worker asks for it first, so that what cannot be read, or must not be there, stops it early. */
export const settings = Effect.tap(variables, ({ apiKey, account }) =>
  Effect.andThen(
    Http.refuseVendorKey("OPENAI_API_KEY", apiKey),
    Http.refuseVendorKey("CLOUDFLARE_API_TOKEN", account?.token)
  )
)

/**
 * The models of this deployment, each asked through the provider that its id names: `@cf/...` through the binding, or the REST API where
 * there is an account and no binding; `local/...` through `OPENAI_BASE_URL`; `demo`.
 */
export const layer = (
  bindings: { readonly ai?: WorkersAi.AiBinding | undefined } = {}
): Layer.Layer<ModelClient, Config.ConfigError | AnthropicKeyRefused, HttpClient.HttpClient> =>
  Layer.effect(
    ModelClient,
    Effect.gen(function* () {
      const { baseUrl, apiKey, account, timeouts } = yield* settings
      const providers = new Map<string, ModelClient["Service"]>([["demo", Demo.client]])
      if (bindings.ai !== undefined) {
        providers.set("@cf/", WorkersAi.fromBinding(bindings.ai, timeouts))
      } else if (account !== undefined) {
        providers.set("@cf/", yield* WorkersAi.fromAccount(account, timeouts))
      }
      if (baseUrl !== undefined) {
        providers.set("local/", yield* OpenAiCompatible.make({ name: "local", baseUrl, apiKey, timeouts }))
      }
      const shown = [...providers.keys()].map((key) => (key.endsWith("/") ? `${key}...` : key)).join(", ")

      return ModelClient.of({
        stream: (request) => {
          const provider = providers.get(providerOf(request.model))
          const detail = `no provider is configured for it, only: ${shown}. ${needs}`
          return (
            provider?.stream(request) ??
            Stream.fail(new ModelError({ model: request.model, reason: new ModelNotFound({ detail }) }))
          )
        }
      })
    })
  )

const needs =
  "@cf/... needs the AI binding, or CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN; local/... needs OPENAI_BASE_URL"

/** With its slash; the whole id where it has none. */
const providerOf = (model: string): string => model.slice(0, model.indexOf("/") + 1) || model
