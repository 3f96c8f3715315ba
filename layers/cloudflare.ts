import { exports, waitUntil } from "cloudflare:workers"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Aead from "effect/crypto/Aead"
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Api from "../src/api/Api.ts"
import { Background } from "../src/api/Background.ts"
import * as Closed from "../src/api/Closed.ts"
import { Deployment } from "../src/api/Deployment.ts"
import { DeploymentKey } from "../src/api/Identity.ts"
import * as Origins from "../src/api/Origins.ts"
import { findAnthropicKey } from "../src/domain/AnthropicKey.ts"
import { PolicyAmendments } from "../src/egress/amend.ts"
import { AgentLoop, AgentLoopConfig } from "../src/loop/AgentLoop.ts"
import { SessionObject } from "../src/loop/SessionObject.ts"
import * as RootKeys from "../src/RootKeys.ts"
import { SecretBox } from "../src/SecretBox.ts"
import { ToolRegistry } from "../src/ToolRegistry.ts"
import * as SessionOutbox from "../src/triggers/SessionOutbox.ts"
import * as CloudflareAccess from "./access/CloudflareAccess.ts"
import * as RateLimits from "./access/RateLimits.ts"
import { missing, type WorkerEnv } from "./cloudflare/Bindings.ts"
import type { Layers, SessionScope } from "./cloudflare/Layers.ts"
import * as SessionTraces from "../src/trace/SessionTraces.ts"
import * as EgressGateway from "./egress/Gateway.ts"
import * as EgressHttpClient from "./egress/HttpClient.ts"
import * as PolicyStore from "./egress/PolicyStore.ts"
import * as Ways from "./egress/Ways.ts"
import * as Providers from "./model/Providers.ts"
import * as Otlp from "./observability/Otlp.ts"
import * as Sandboxes from "./sandboxes.ts"
import * as EgressSession from "./sessions/EgressSession.ts"
import * as Alarm from "./storage/Alarm.ts"
import * as ApiKeysD1 from "./storage/ApiKeysD1.ts"
import * as ArtifactsR2 from "./storage/ArtifactsR2.ts"
import * as BlobsR2 from "./storage/BlobsR2.ts"
import * as CatalogD1 from "./storage/CatalogD1.ts"
import * as OutboxCursorObject from "./storage/OutboxCursorObject.ts"
import * as VaultsD1 from "./storage/VaultsD1.ts"
import * as WorkspaceSqlite from "./storage/WorkspaceSqlite.ts"
import * as DeploymentTools from "./tools/Deployment.ts"
import * as Triggers from "./triggers.ts"

/** The variables and secrets of the Worker; its other bindings are no configuration. */
const config = (env: WorkerEnv): Layer.Layer<never> =>
  ConfigProvider.layer(
    ConfigProvider.fromUnknown(Record.filter({ ...env } as { readonly [name: string]: unknown }, Predicate.isString))
  )

const defaultModel = Config.NonEmptyString("OWNLOOP_MODEL").pipe(Config.withDefault("@cf/zai-org/glm-4.7-flash"))

/** Vaults, and the box that their values are kept in. */
const secrets = (env: WorkerEnv) =>
  Layer.merge(VaultsD1.layer(env.CATALOG), SecretBox.layer).pipe(
    Layer.provide([Aead.layerWebCrypto, Mac.layerWebCrypto]),
    Layer.provide([SecureRandom.layerWebCrypto, config(env)])
  )

/** One session in its Durable Object, with the gateway as its way out. */
export const session = (scope: SessionScope, layers: Layers) => {
  const { ctx, env, gateway, record } = scope
  return SessionObject.layer(record.id).pipe(
    Layer.provide(AgentLoop.layer(record.id)),
    Layer.provide(PolicyAmendments.layer),
    Layer.provide(layers.tools(env)),
    Layer.provide([layers.sandbox(scope), EgressHttpClient.layer(gateway), layers.model(env), Otlp.layer]),
    Layer.provide(SessionOutbox.layer),
    Layer.provide([
      Triggers.running(env, config(env)),
      OutboxCursorObject.layer(ctx.storage),
      ArtifactsR2.layer(env.BLOBS),
      layers.storage(ctx, env),
      WorkspaceSqlite.layer(ctx.storage),
      Alarm.layer(ctx.storage),
      CatalogD1.layer(env.CATALOG),
      BlobsR2.layer(env.BLOBS),
      secrets(env)
    ]),
    Layer.provide([FetchHttpClient.layer, SecureRandom.layerWebCrypto, config(env)])
  )
}

/** What is wrong with the Worker's environment; it is asked before anything is answered. */
const checkEnvironment = (env: WorkerEnv) =>
  Effect.gen(function* () {
    const absent = missing(env)
    if (absent !== undefined) return yield* absent
    yield* Option.match(findAnthropicKey({ ...env }), { onNone: () => Effect.void, onSome: Effect.fail })
    yield* PolicyStore.injections
    yield* RootKeys.config
    yield* Providers.settings
    yield* AgentLoopConfig
    yield* Triggers.settings(env)
    yield* CloudflareAccess.settings
    yield* Origins.setting
    yield* SessionTraces.contentRate
    yield* Otlp.settings
  }).pipe(
    Effect.tapError((problem) => Effect.logError(`this Worker is closed: ${problem.message}`)),
    Effect.provide(config(env))
  )

/** The platform itself refuses a Worker that does not export its Durable Objects. What there is, it only tells while it answers a request. */
const isGatewayExported = () => Reflect.get(exports, "Gateway") !== undefined

const noGateway = {
  message:
    "the main module does not export Gateway, which decides about all that leaves. It says `export class Gateway extends ownloop.Gateway {}`, where `ownloop` is what makeWorker answered"
}

/** The platform ends what is left of a request once it is answered, unless it is told of it. */
const background = Layer.succeed(Background, (effect) => Effect.sync(() => waitUntil(Effect.runPromise(effect))))

/** The wire API. */
export const api = (env: WorkerEnv, layers: Layers): ((request: Request) => Promise<Response>) => {
  const deployment = Layer.effect(
    Deployment,
    Effect.gen(function* () {
      const { list: tools } = yield* ToolRegistry
      return Deployment.of({ tools, backends: Sandboxes.backends(env), defaultModel: yield* defaultModel })
    })
  ).pipe(Layer.provide(layers.tools(env)), Layer.provide(DeploymentTools.layerNoSession), Layer.orDie)
  // Only built once the environment was found in order: what fails here is no error of its own.
  const open = Api.layer.pipe(
    Layer.provide([
      DeploymentKey.layer,
      CloudflareAccess.layer,
      RateLimits.layer({ requests: env.RATE_LIMIT_REQUESTS, strangers: env.RATE_LIMIT_STRANGERS }),
      Origins.AllowedOrigins.layer,
      ApiKeysD1.layer(env.CATALOG),
      background,
      deployment,
      Layer.orDie(Triggers.layer(env, config(env))),
      ArtifactsR2.layer(env.BLOBS),
      CatalogD1.layer(env.CATALOG),
      BlobsR2.layer(env.BLOBS),
      Layer.orDie(secrets(env))
    ])
  )
  const routes = Layer.unwrap(Effect.match(checkEnvironment(env), { onFailure: Closed.layer, onSuccess: () => open }))
  const handler = <E>(routes: Layer.Layer<never, E, HttpRouter.HttpRouter | SecureRandom.SecureRandom>) =>
    HttpRouter.toWebHandler(routes.pipe(Layer.provide([SecureRandom.layerWebCrypto, config(env)])), {
      disableLogger: true
    }).handler
  const answer = handler(routes)
  return (request) => (isGatewayExported() ? answer : handler(Closed.layer(noGateway)))(request)
}

/** The entrypoint that decides about everything sessions send. */
export const gateway = (layers: Layers): EgressGateway.GatewayClass<WorkerEnv> =>
  EgressGateway.make(
    (env: WorkerEnv, props) =>
      layers
        .egress(env, props)
        .pipe(
          Layer.provide(EgressSession.layer(env.SESSIONS, props.sessionId)),
          Layer.provide([CatalogD1.layer(env.CATALOG), secrets(env), SecureRandom.layerWebCrypto, config(env)])
        ),
    (env) => Ways.make(env, env.LOADER)
  )

/** What the clock calls. */
export const scheduled = (controller: ScheduledController, env: WorkerEnv) =>
  Triggers.scheduled(controller, env, config(env))

/** What the queues deliver. While something is wrong with the deployment's configuration, it is delivered again later. */
export const queue = (batch: MessageBatch, env: WorkerEnv) =>
  Effect.runPromise(Effect.andThen(checkEnvironment(env), Triggers.deliver(batch, env, config(env))))
