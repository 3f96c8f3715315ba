import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { Catalog } from "../src/Catalog.ts"
import { Deliveries } from "../src/Deliveries.ts"
import type { Sessions } from "../src/Sessions.ts"
import type { StorageError } from "../src/Storage.ts"
import { Tasks } from "../src/Tasks.ts"
import { Deliverer } from "../src/triggers/Deliver.ts"
import {
  Backends,
  type SettingInvalid,
  settings as triggerSettings,
  TriggerSettings
} from "../src/triggers/Settings.ts"
import { Sweeper } from "../src/triggers/Sweeper.ts"
import { TaskConsumer } from "../src/triggers/TaskConsumer.ts"
import { TaskRunner } from "../src/triggers/TaskRunner.ts"
import type { Bindings } from "./cloudflare/Bindings.ts"
import * as Queues from "./queues/Queues.ts"
import * as DurableObjects from "./sessions/DurableObjects.ts"
import * as CatalogD1 from "./storage/CatalogD1.ts"
import * as TasksD1 from "./storage/TasksD1.ts"
import * as Sandboxes from "./sandboxes.ts"

/** What starts sessions in a Worker without anybody asking: its queues, and its clock. */

/** What is wrong with the variables that it reads. */
export const settings = (env: Bindings) => Effect.andThen(triggerSettings, Queues.replyQueues(env))

type Running = Deliverer | Deliveries | Sessions | TaskRunner | Tasks | TriggerSettings
type Wrong = Config.ConfigError | SettingInvalid

/** What a session's object needs of it, to tell what became of its task. `config` holds the Worker's variables. */
export const running = (env: Bindings, config: Layer.Layer<never>): Layer.Layer<Running, Wrong> =>
  TaskRunner.layer.pipe(
    Layer.provideMerge(Deliverer.layer),
    Layer.provideMerge([TasksD1.layer(env.CATALOG), DurableObjects.layer(env.SESSIONS), TriggerSettings.layer]),
    Layer.provide([CatalogD1.layer(env.CATALOG), Queues.layer(env), Layer.succeed(Backends, Sandboxes.backends(env))]),
    Layer.provide([FetchHttpClient.layer, Mac.layerWebCrypto]),
    Layer.provide([SecureRandom.layerWebCrypto, config])
  )

/** All of it: what starts sessions for tasks, and puts right what went wrong. */
export const layer = (
  env: Bindings,
  config: Layer.Layer<never>
): Layer.Layer<Running | Sweeper | TaskConsumer, Wrong> =>
  Layer.merge(TaskConsumer.layer, Sweeper.layer).pipe(
    Layer.provideMerge(running(env, config)),
    Layer.provide([Queues.layer(env), SecureRandom.layerWebCrypto])
  )

/** The crons of `wrangler.jsonc`. */
const sweeping = "* * * * *"
const expiring = "17 3 * * *"

/** Milliseconds that egress decisions, and messages that are over, are kept: 30 days. */
const retention = 30 * 24 * 60 * 60 * 1000

const expire = (time: number) =>
  Effect.gen(function* () {
    const before = new Date(time - retention).toISOString()
    yield* Catalog.use((catalog) => catalog.deleteDecisionsBefore(before))
    yield* Tasks.use((tasks) => tasks.deleteNotesBefore(before))
    yield* Deliveries.use((deliveries) => deliveries.deleteBefore(before))
  })

/** Which of the clock's calls it is, the cron expression of `wrangler.jsonc` says. Any other is the host's. */
export const scheduled = (
  { cron, scheduledTime }: ScheduledController,
  env: Bindings,
  config: Layer.Layer<never>
): Promise<void> => {
  if (cron !== sweeping && cron !== expiring) return Promise.resolve()
  return Effect.suspend((): Effect.Effect<void, StorageError, Sweeper | Catalog | Tasks | Deliveries> =>
    cron === sweeping ? Sweeper.use(({ sweep }) => sweep) : expire(scheduledTime)
  ).pipe(Effect.provide([layer(env, config), CatalogD1.layer(env.CATALOG)]), Effect.runPromise)
}

export const deliver = (batch: MessageBatch, env: Bindings, config: Layer.Layer<never>) =>
  TaskConsumer.use(({ deadLetters, tasks }) =>
    batch.queue.endsWith("-dead") ? deadLetters(batch.messages) : tasks(batch.messages)
  ).pipe(Effect.provide(layer(env, config)))
