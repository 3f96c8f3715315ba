import * as Stream from "effect/Stream"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as HttpClient from "effect/http/HttpClient"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import { isHeaderValue } from "../../src/domain/Header.ts"
import { ModelClient, ModelError, ModelNotFound } from "../../src/ModelClient.ts"
import * as ProviderSettings from "../../src/model/ProviderSettings.ts"
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

const secretOf = (name: string) => given(Config.Redacted(name), (secret) => Redacted.value(secret) === "")

const variables = Config.all({
  baseUrl: given(Config.String("OPENAI_BASE_URL"), (url) => url === ""),
  apiKey: secretOf("OPENAI_API_KEY"),
  providers: given(Config.String(ProviderSettings.variable), (text) => text.trim() === ""),
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

type Invalid = Config.ConfigError | AnthropicKeyRefused | ProviderSettings.ProvidersInvalid

/** What the environment says of models. A Worker asks for it first, so that what cannot be read, or must not be there, stops it early. */
export const settings = Effect.gen(function* () {
  const { account, apiKey, baseUrl, providers, timeouts } = yield* variables
  yield* Http.refuseVendorKey("OPENAI_API_KEY", apiKey)
  yield* Http.refuseVendorKey("CLOUDFLARE_API_TOKEN", account?.token)
  const { named, workersAi } =
    providers === undefined ? ProviderSettings.none : yield* ProviderSettings.parse(providers)
  const local = baseUrl === undefined ? [] : [yield* ProviderSettings.local(baseUrl, apiKey !== undefined)]
  const openAiCompatible = yield* Effect.forEach([...local, ...named], withSecrets)
  return { account, gateway: workersAi.gateway, openAiCompatible, timeouts }
})

const withSecrets = Effect.fnUntraced(function* (
  named: ProviderSettings.Named
): Effect.fn.Return<OpenAiCompatible.Provider, Invalid> {
  const { api_key_secret, base_url: baseUrl, field, headers = {}, name, secret_headers = {} } = named
  const secret = Effect.fnUntraced(function* (part: string, variable: string) {
    const value = yield* secretOf(variable)
    const where = `${field}.${part}`
    if (value === undefined) {
      return yield* new ProviderSettings.ProvidersInvalid({ field: where, detail: `the secret ${variable} is not set` })
    }
    yield* Http.refuseVendorKey(`the secret ${variable}`, value)
    if (isHeaderValue(Redacted.value(value))) return value
    return yield* new ProviderSettings.ProvidersInvalid({
      field: where,
      detail: `the secret ${variable} holds a character that no header may hold`
    })
  })
  const apiKey = api_key_secret === undefined ? undefined : yield* secret("api_key_secret", api_key_secret)
  const secrets = yield* Effect.forEach(Object.entries(secret_headers), ([header, variable]) =>
    Effect.map(secret(`secret_headers.${header}`, variable), (value) => [header, value] as const)
  )
  return { name, baseUrl, apiKey, headers, secretHeaders: Object.fromEntries(secrets) }
})

/**
 * The models of this deployment, each asked through the provider that its id names: `@cf/...` through the binding, or the REST API where
 * there is an account and no binding; `local/...` through `OPENAI_BASE_URL`; `<name>/...` through an entry of `OWNLOOP_PROVIDERS`; `demo`.
 */
export const layer = (
  bindings: { readonly ai?: WorkersAi.AiBinding | undefined } = {}
): Layer.Layer<ModelClient, Invalid, HttpClient.HttpClient> =>
  Layer.effect(
    ModelClient,
    Effect.gen(function* () {
      const { account, gateway, openAiCompatible, timeouts } = yield* settings
      const providers = new Map<string, ModelClient["Service"]>([["demo", Demo.client]])
      if (bindings.ai !== undefined) {
        providers.set("@cf/", WorkersAi.fromBinding(bindings.ai, { gateway, timeouts }))
      } else if (account !== undefined) {
        providers.set("@cf/", yield* WorkersAi.fromAccount(account, { gateway, timeouts }))
      }
      for (const provider of openAiCompatible) {
        providers.set(`${provider.name}/`, yield* OpenAiCompatible.make({ ...provider, timeouts }))
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
  "@cf/... needs the AI binding, or CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN; local/... needs OPENAI_BASE_URL; any other is an entry of OWNLOOP_PROVIDERS"

/** With its slash; the whole id where it has none. */
const providerOf = (model: string): string => model.slice(0, model.indexOf("/") + 1) || model
