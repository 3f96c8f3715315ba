import { waitUntil } from "cloudflare:workers"
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
import type { EventId } from "../src/domain/Ids.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import { PolicyAmendments } from "../src/egress/amend.ts"
import { AgentLoop, AgentLoopConfig } from "../src/loop/AgentLoop.ts"
import { Rebuild } from "../src/loop/Rebuild.ts"
import { SessionObject } from "../src/loop/SessionObject.ts"
import * as RootKeys from "../src/RootKeys.ts"
import { SecretBox } from "../src/SecretBox.ts"
import * as SessionCredentials from "../src/SessionCredentials.ts"
import { mailReply } from "../src/tools/builtin/mailReply.ts"
import { MailReplies } from "../src/triggers/MailReplies.ts"
import * as SessionOutbox from "../src/triggers/SessionOutbox.ts"
import * as CloudflareAccess from "./access/CloudflareAccess.ts"
import * as RateLimits from "./access/RateLimits.ts"
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
import * as SessionLogSqlite from "./storage/SessionLogSqlite.ts"
import * as VaultsD1 from "./storage/VaultsD1.ts"
import * as WorkspaceSqlite from "./storage/WorkspaceSqlite.ts"
import * as DeploymentTools from "./tools/Deployment.ts"
import * as Triggers from "./triggers.ts"

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

/** The tools of a session: one that a mail began has one more. */
const tools = (env: Env, { mailbox_id }: SessionRecord) =>
  mailbox_id === undefined
    ? DeploymentTools.layer(env)
    : Layer.unwrap(Effect.map(MailReplies, ({ reply }) => DeploymentTools.layer(env, [mailReply(reply)])))

/** One session in its Durable Object, with the gateway as its way out. */
export const session = (
  ctx: DurableObjectState,
  env: Env,
  record: SessionRecord,
  gateway: (toolUse: EventId | null, isClosed?: boolean) => Fetcher
) =>
  SessionObject.layer(record.id).pipe(
    Layer.provide(AgentLoop.layer(record.id)),
    Layer.provide([PolicyAmendments.layer, Rebuild.layer]),
    Layer.provide(tools(env, record)),
    Layer.provide([
      Sandboxes.layer(env, record, gateway),
      EgressHttpClient.layer(gateway),
      Providers.layer({ ai: env.AI }),
      Otlp.layer
    ]),
    Layer.provide(SessionOutbox.layer),
    Layer.provide([
      Triggers.running(env, config(env)),
      OutboxCursorObject.layer(ctx.storage),
      ArtifactsR2.layer(env.BLOBS),
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
    yield* Triggers.settings(env)
    yield* CloudflareAccess.settings
    yield* Origins.setting
    yield* SessionTraces.contentRate
    yield* Otlp.settings
  }).pipe(Effect.provide(config(env)))

/** The platform ends what is left of a request once it is answered, unless it is told of it. */
const background = Layer.succeed(Background, (effect) => Effect.sync(() => waitUntil(Effect.runPromise(effect))))

/** The wire API. */
export const api = (env: Env): ((request: Request) => Promise<Response>) => {
  const deployment = Layer.effect(
    Deployment,
    Effect.map(defaultModel, (defaultModel) =>
      Deployment.of({ tools: DeploymentTools.list(env), backends: Sandboxes.backends(env), defaultModel })
    )
  )
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
  return HttpRouter.toWebHandler(routes.pipe(Layer.provide([SecureRandom.layerWebCrypto, config(env)])), {
    disableLogger: true
  }).handler
}

/** The entrypoint that decides about everything sessions send. */
export class Gateway extends EgressGateway.make(
  (env: Env, props) =>
    PolicyStore.layer(props).pipe(
      Layer.provide([SessionCredentials.layer(props), EgressSession.layer(env.SESSIONS, props.sessionId)]),
      Layer.provide([CatalogD1.layer(env.CATALOG), secrets(env), SecureRandom.layerWebCrypto, config(env)])
    ),
  (env) => Ways.make(env, env.LOADER)
) {}

/** What the clock calls. */
export const scheduled = (controller: ScheduledController, env: Env) => Triggers.scheduled(controller, env, config(env))

/** What the queues deliver. While something is wrong with the deployment's configuration, it is delivered again later. */
export const queue = (batch: MessageBatch, env: Env) =>
  Effect.runPromise(Effect.andThen(checkEnvironment(env), Triggers.deliver(batch, env, config(env))))

/** What mail servers deliver. While something is wrong with the deployment's configuration, they keep it. */
export const email = (message: ForwardableEmailMessage, env: Env) =>
  Effect.runPromise(Effect.andThen(checkEnvironment(env), Triggers.receive(message, env, config(env))))
