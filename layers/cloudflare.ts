import { Config, ConfigProvider, Effect, Layer, Option, Predicate, Record } from "effect"
import { Mac, SecureRandom } from "effect/crypto"
import { FetchHttpClient, HttpRouter } from "effect/http"
import * as Api from "../src/api/Api.ts"
import { ApiKey } from "../src/api/Auth.ts"
import * as Closed from "../src/api/Closed.ts"
import { Deployment } from "../src/api/Deployment.ts"
import { Catalog } from "../src/Catalog.ts"
import { findAnthropicKey } from "../src/domain/AnthropicKey.ts"
import type { Backend } from "../src/domain/Environment.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import { AgentLoop, AgentLoopConfig } from "../src/loop/AgentLoop.ts"
import { SessionObject } from "../src/loop/SessionObject.ts"
import * as Outbox from "../src/triggers/SessionOutbox.ts"
import { Deliveries } from "../src/Deliveries.ts"
import type { StorageError } from "../src/Storage.ts"
import { Tasks } from "../src/Tasks.ts"
import { Deliverer } from "../src/triggers/Deliver.ts"
import { Backends, TriggerSettings, settings } from "../src/triggers/Settings.ts"
import { Sweeper } from "../src/triggers/Sweeper.ts"
import { TaskConsumer } from "../src/triggers/TaskConsumer.ts"
import { TaskRunner } from "../src/triggers/TaskRunner.ts"
import * as EgressGateway from "./egress/Gateway.ts"
import * as EgressHttpClient from "./egress/HttpClient.ts"
import * as PolicyStore from "./egress/PolicyStore.ts"
import * as Providers from "./model/Providers.ts"
import * as Isolate from "./sandbox/Isolate.ts"
import * as Queues from "./queues/Queues.ts"
import * as DurableObjects from "./sessions/DurableObjects.ts"
import * as Alarm from "./storage/Alarm.ts"
import * as ArtifactsR2 from "./storage/ArtifactsR2.ts"
import * as BlobsR2 from "./storage/BlobsR2.ts"
import * as CatalogD1 from "./storage/CatalogD1.ts"
import * as OutboxCursorObject from "./storage/OutboxCursorObject.ts"
import * as SessionLogSqlite from "./storage/SessionLogSqlite.ts"
import * as TasksD1 from "./storage/TasksD1.ts"
import * as WorkspaceSqlite from "./storage/WorkspaceSqlite.ts"
import * as DeploymentTools from "./tools/Deployment.ts"

/** The variables and secrets of the Worker; its other bindings are no configuration. */
const config = (env: Env): Layer.Layer<never> =>
  ConfigProvider.layer(ConfigProvider.fromUnknown(Record.filter({ ...env }, Predicate.isString)))

const defaultModel = Config.NonEmptyString("OWNLOOP_MODEL").pipe(Config.withDefault("@cf/zai-org/glm-4.7-flash"))

const backends: ReadonlySet<Backend> = new Set(["isolate"])

/** What starts sessions for tasks, and tells what became of them. */
const triggers = (env: Env) =>
  Layer.mergeAll(TaskConsumer.layer, Sweeper.layer).pipe(
    Layer.provideMerge(TaskRunner.layer),
    Layer.provideMerge(Deliverer.layer),
    Layer.provideMerge([TasksD1.layer(env.CATALOG), DurableObjects.layer(env.SESSIONS), TriggerSettings.layer]),
    Layer.provide([CatalogD1.layer(env.CATALOG), Queues.layer(env), Layer.succeed(Backends, backends)]),
    Layer.provide([FetchHttpClient.layer, Mac.layerWebCrypto]),
    Layer.provide([SecureRandom.layerWebCrypto, config(env)])
  )

/** What a session's own object needs before anything is known of the session. */
export const storage = (ctx: DurableObjectState) => SessionLogSqlite.layer(ctx.storage)

/** One session in its Durable Object, with the gateway as its way out. */
export const session = (ctx: DurableObjectState, env: Env, record: SessionRecord, gateway: Fetcher) =>
  SessionObject.layer(record.id).pipe(
    Layer.provide(AgentLoop.layer(record.id)),
    Layer.provide(DeploymentTools.layer(env)),
    Layer.provide([
      Isolate.layer({ loader: env.LOADER, outbound: gateway, sessionId: record.id }),
      EgressHttpClient.layer(gateway),
      Providers.layer({ ai: env.AI })
    ]),
    Layer.provide(Outbox.layer),
    Layer.provide([
      triggers(env),
      OutboxCursorObject.layer(ctx.storage),
      ArtifactsR2.layer(env.BLOBS),
      storage(ctx),
      WorkspaceSqlite.layer(ctx.storage),
      Alarm.layer(ctx.storage),
      CatalogD1.layer(env.CATALOG),
      BlobsR2.layer(env.BLOBS)
    ]),
    Layer.provide([FetchHttpClient.layer, SecureRandom.layerWebCrypto, config(env)])
  )

/** What is wrong with the Worker's environment; it is asked before anything is answered. */
const checkEnvironment = (env: Env) =>
  Effect.gen(function* () {
    yield* Option.match(findAnthropicKey({ ...env }), { onNone: () => Effect.void, onSome: Effect.fail })
    yield* PolicyStore.injections
    yield* Providers.settings
    yield* AgentLoopConfig
    yield* settings
    yield* Queues.replyQueues(env)
  }).pipe(Effect.provide(config(env)))

/** The wire API. */
export const api = (env: Env): ((request: Request) => Promise<Response>) => {
  const routes = Layer.unwrap(
    Effect.match(checkEnvironment(env), { onFailure: Closed.layer, onSuccess: () => Api.layer })
  )
  const deployment = Layer.effect(
    Deployment,
    Effect.map(defaultModel, (defaultModel) =>
      Deployment.of({ tools: DeploymentTools.list(env), backends, defaultModel })
    )
  )
  return HttpRouter.toWebHandler(
    routes.pipe(
      Layer.provide([
        ApiKey.layer,
        deployment,
        CatalogD1.layer(env.CATALOG),
        BlobsR2.layer(env.BLOBS),
        ArtifactsR2.layer(env.BLOBS),
        Layer.orDie(triggers(env)) // Only built once the check above went well.
      ]),
      Layer.provide([SecureRandom.layerWebCrypto, config(env)])
    ),
    { disableLogger: true }
  ).handler
}

/** The entrypoint that decides about everything sessions send. */
export class Gateway extends EgressGateway.make((env: Env, props) =>
  PolicyStore.layer(props).pipe(Layer.provide([CatalogD1.layer(env.CATALOG), SecureRandom.layerWebCrypto, config(env)]))
) {}

/** Milliseconds that egress decisions are kept: 30 days. */
const retention = 30 * 24 * 60 * 60 * 1000

/** Once a day: forgets egress decisions, and messages that are over, past their retention. */
const expire = (time: number) =>
  Effect.gen(function* () {
    const before = new Date(time - retention).toISOString()
    yield* Catalog.use((catalog) => catalog.deleteDecisionsBefore(before))
    yield* Tasks.use((tasks) => tasks.deleteNotesBefore(before))
    yield* Deliveries.use((deliveries) => deliveries.deleteBefore(before))
  })

/** What the clock calls: which one it is says the cron expression of `wrangler.jsonc`. */
export const scheduled = ({ cron, scheduledTime }: ScheduledController, env: Env): Promise<void> =>
  Effect.suspend((): Effect.Effect<void, StorageError, Sweeper | Catalog | Tasks | Deliveries> =>
    cron === "* * * * *" ? Sweeper.use(({ sweep }) => sweep) : expire(scheduledTime)
  ).pipe(Effect.provide([triggers(env), CatalogD1.layer(env.CATALOG)]), Effect.runPromise)

/** What the queues deliver. While something is wrong with the deployment's configuration, it is delivered again later. */
export const queue = (batch: MessageBatch, env: Env): Promise<void> =>
  Effect.andThen(
    checkEnvironment(env),
    TaskConsumer.use(({ deadLetters, tasks }) =>
      batch.queue.endsWith("-dead") ? deadLetters(batch.messages) : tasks(batch.messages)
    )
  ).pipe(Effect.provide(triggers(env)), Effect.runPromise)
