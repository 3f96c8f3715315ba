import { waitUntil } from "cloudflare:workers"
import { Config, ConfigProvider, Effect, Layer, Option, Predicate, Record } from "effect"
import { Aead, Mac, SecureRandom } from "effect/crypto"
import { FetchHttpClient, HttpRouter } from "effect/http"
import * as Api from "../src/api/Api.ts"
import { Background } from "../src/api/Background.ts"
import * as Closed from "../src/api/Closed.ts"
import { Deployment } from "../src/api/Deployment.ts"
import { DeploymentKey } from "../src/api/Identity.ts"
import * as Origins from "../src/api/Origins.ts"
import { Catalog } from "../src/Catalog.ts"
import { findAnthropicKey } from "../src/domain/AnthropicKey.ts"
import type { Backend } from "../src/domain/Environment.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import { AgentLoop, AgentLoopConfig } from "../src/loop/AgentLoop.ts"
import { SessionObject } from "../src/loop/SessionObject.ts"
import * as RootKeys from "../src/RootKeys.ts"
import { SecretBox } from "../src/SecretBox.ts"
import * as SessionCredentials from "../src/SessionCredentials.ts"
import * as CloudflareAccess from "./access/CloudflareAccess.ts"
import * as RateLimits from "./access/RateLimits.ts"
import * as EgressGateway from "./egress/Gateway.ts"
import * as EgressHttpClient from "./egress/HttpClient.ts"
import * as PolicyStore from "./egress/PolicyStore.ts"
import * as Providers from "./model/Providers.ts"
import * as Isolate from "./sandbox/Isolate.ts"
import type { Machine } from "./sandbox/microvm/Protocol.ts"
import * as MicroVm from "./sandbox/MicroVm.ts"
import * as DurableObjects from "./sessions/DurableObjects.ts"
import * as Alarm from "./storage/Alarm.ts"
import * as ApiKeysD1 from "./storage/ApiKeysD1.ts"
import * as BlobsR2 from "./storage/BlobsR2.ts"
import * as CatalogD1 from "./storage/CatalogD1.ts"
import * as SessionLogSqlite from "./storage/SessionLogSqlite.ts"
import * as VaultsD1 from "./storage/VaultsD1.ts"
import * as WorkspaceSqlite from "./storage/WorkspaceSqlite.ts"
import * as DeploymentTools from "./tools/Deployment.ts"

/** The variables and secrets of the Worker; its other bindings are no configuration. */
const config = (env: Env): Layer.Layer<never> =>
  ConfigProvider.layer(ConfigProvider.fromUnknown(Record.filter({ ...env }, Predicate.isString)))

const defaultModel = Config.NonEmptyString("OWNLOOP_MODEL").pipe(Config.withDefault("@cf/zai-org/glm-4.7-flash"))

/** Vaults, and the box that their values are kept in. */
const secrets = (env: Env) =>
  Layer.merge(VaultsD1.layer(env.CATALOG), SecretBox.layer).pipe(
    Layer.provide([Aead.layerWebCrypto, Mac.layerWebCrypto]),
    Layer.provide([SecureRandom.layerWebCrypto, config(env)])
  )

/** What a session's own object needs before anything is known of the session. */
export const storage = (ctx: DurableObjectState) => SessionLogSqlite.layer(ctx.storage)

/** The machines of this deployment; it has none without a container engine. */
const machines = (env: Env): Env["MICROVMS"] | undefined => env.MICROVMS

/** The sandbox that the session's environment asks for, and no other. */
const sandbox = (env: Env, { id, environment, environment_id, vault_ids }: SessionRecord, outbound: Fetcher) => {
  const owner = { sessionId: id, environmentId: environment_id, vaultIds: vault_ids }
  const layer =
    environment.backend === "isolate"
      ? Isolate.layer({ loader: env.LOADER, outbound, sessionId: id })
      : MicroVm.layer({ machine: machines(env)?.getByName(id) as Machine | undefined, owner }) // An RPC stub of it.
  return Layer.provide(layer, SessionCredentials.layer(owner))
}

/** One session in its Durable Object, with the gateway as its way out. */
export const session = (ctx: DurableObjectState, env: Env, record: SessionRecord, gateway: Fetcher) =>
  SessionObject.layer(record.id).pipe(
    Layer.provide(AgentLoop.layer(record.id)),
    Layer.provide(DeploymentTools.layer(env)),
    Layer.provide([sandbox(env, record, gateway), EgressHttpClient.layer(gateway), Providers.layer({ ai: env.AI })]),
    Layer.provide([
      storage(ctx),
      WorkspaceSqlite.layer(ctx.storage),
      Alarm.layer(ctx.storage),
      CatalogD1.layer(env.CATALOG),
      BlobsR2.layer(env.BLOBS),
      secrets(env)
    ]),
    Layer.provide([FetchHttpClient.layer, SecureRandom.layerWebCrypto, config(env)])
  )

/** What is wrong with the Worker's environment; it is asked before anything is answered. */
const checkEnvironment = (env: Env) =>
  Effect.gen(function* () {
    yield* Option.match(findAnthropicKey({ ...env }), { onNone: () => Effect.void, onSome: Effect.fail })
    yield* PolicyStore.injections
    yield* RootKeys.config
    yield* Providers.settings
    yield* AgentLoopConfig
    yield* CloudflareAccess.settings
    yield* Origins.setting
  }).pipe(Effect.provide(config(env)))

const backends = (env: Env): ReadonlySet<Backend> =>
  new Set(machines(env) === undefined ? ["isolate"] : ["isolate", "microvm"])

/** The platform ends what is left of a request once it is answered, unless it is told of it. */
const background = Layer.succeed(Background, (effect) => Effect.sync(() => waitUntil(Effect.runPromise(effect))))

/** The wire API. */
export const api = (env: Env): ((request: Request) => Promise<Response>) => {
  const deployment = Layer.effect(
    Deployment,
    Effect.map(defaultModel, (defaultModel) =>
      Deployment.of({ tools: DeploymentTools.list(env), backends: backends(env), defaultModel })
    )
  )
  const open = Api.layer.pipe(
    Layer.provide([
      DeploymentKey.layer,
      CloudflareAccess.layer,
      RateLimits.layer({ requests: env.RATE_LIMIT_REQUESTS, strangers: env.RATE_LIMIT_STRANGERS }),
      Origins.AllowedOrigins.layer,
      ApiKeysD1.layer(env.CATALOG),
      background,
      deployment,
      DurableObjects.layer(env.SESSIONS),
      CatalogD1.layer(env.CATALOG),
      BlobsR2.layer(env.BLOBS),
      Layer.orDie(secrets(env)) // Only built once the check below went well.
    ])
  )
  const routes = Layer.unwrap(Effect.match(checkEnvironment(env), { onFailure: Closed.layer, onSuccess: () => open }))
  return HttpRouter.toWebHandler(routes.pipe(Layer.provide([SecureRandom.layerWebCrypto, config(env)])), {
    disableLogger: true
  }).handler
}

/** The entrypoint that decides about everything sessions send. */
export class Gateway extends EgressGateway.make((env: Env, props) =>
  PolicyStore.layer(props).pipe(
    Layer.provide(SessionCredentials.layer(props)),
    Layer.provide([CatalogD1.layer(env.CATALOG), secrets(env), SecureRandom.layerWebCrypto, config(env)])
  )
) {}

/** Milliseconds that egress decisions are kept: 30 days. */
const retention = 30 * 24 * 60 * 60 * 1000

/** Forgets egress decisions that are older than their retention. */
export const expire = (env: Env, time: number): Promise<void> =>
  Catalog.use((catalog) => catalog.deleteDecisionsBefore(new Date(time - retention).toISOString())).pipe(
    Effect.provide(CatalogD1.layer(env.CATALOG)),
    Effect.runPromise
  )
