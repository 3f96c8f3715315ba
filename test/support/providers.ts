import { ConfigProvider, Effect, Layer, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import * as Providers from "../../layers/model/Providers.ts"
import type { AiBinding } from "../../layers/model/WorkersAi.ts"
import { ModelClient } from "../../src/ModelClient.ts"
import { request, textOf } from "../ModelClient.contract.ts"
import { startMockOpenAi } from "./mockOpenAi.ts"

/** The models of a deployment with these variables and secrets. */
export const configured = (config: Readonly<Record<string, string>>, ai?: AiBinding) =>
  Effect.provide(
    ModelClient,
    Providers.layer({ ai }).pipe(
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(config)))
    )
  )

/** Variables with `OWNLOOP_PROVIDERS` among them. */
export const named = (providers: unknown, config: Readonly<Record<string, string>> = {}) => ({
  OWNLOOP_PROVIDERS: JSON.stringify(providers),
  ...config
})

/** A server that answers everything with one sentence. */
export const server = (text = "from the server") =>
  Effect.acquireRelease(
    Effect.promise(() => startMockOpenAi(() => ({ text }))),
    (server) => Effect.promise(server.close)
  )

export const say = (models: ModelClient["Service"], model: string) =>
  Effect.map(Stream.runCollect(models.stream(request(model, "hello"))), textOf)
