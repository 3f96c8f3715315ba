import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Digest from "effect/crypto/Digest"
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { ApprovalLinks } from "../src/ApprovalLinks.ts"
import { ApprovalTokens } from "../src/ApprovalTokens.ts"
import { Catalog } from "../src/Catalog.ts"
import { Deliveries } from "../src/Deliveries.ts"
import type { SettingInvalid } from "../src/domain/Setting.ts"
import { Mailboxes } from "../src/Mailboxes.ts"
import type { RootKeyInvalid } from "../src/RootKeys.ts"
import type { Sessions } from "../src/Sessions.ts"
import type { StorageError } from "../src/Storage.ts"
import { Tasks } from "../src/Tasks.ts"
import { ApprovalRequests } from "../src/triggers/ApprovalRequests.ts"
import { Deliverer } from "../src/triggers/Deliver.ts"
import { MailConsumer } from "../src/triggers/MailConsumer.ts"
import { MailReplies } from "../src/triggers/MailReplies.ts"
import { MailSender } from "../src/triggers/MailSender.ts"
import { Backends, settings as triggerSettings, TriggerSettings } from "../src/triggers/Settings.ts"
import { Sweeper } from "../src/triggers/Sweeper.ts"
import { TaskConsumer } from "../src/triggers/TaskConsumer.ts"
import { TaskRunner } from "../src/triggers/TaskRunner.ts"
import * as PostalMime from "./mail/PostalMime.ts"
import * as SendEmail from "./mail/SendEmail.ts"
import * as Queues from "./queues/Queues.ts"
import * as DurableObjects from "./sessions/DurableObjects.ts"
import * as ArtifactsR2 from "./storage/ArtifactsR2.ts"
import * as CatalogD1 from "./storage/CatalogD1.ts"
import * as MailboxesD1 from "./storage/MailboxesD1.ts"
import * as TasksD1 from "./storage/TasksD1.ts"
import { failed } from "./storage/failed.ts"
import * as Sandboxes from "./sandboxes.ts"

/** What starts sessions in a Worker without anybody asking: its queues, and its clock. */

/** What is wrong with the variables that it reads. */
export const settings = (env: Env) => Effect.andThen(triggerSettings, Queues.replyQueues(env))

type Running =
  | ApprovalLinks
  | ApprovalRequests
  | Deliverer
  | Deliveries
  | Mailboxes
  | MailReplies
  | Sessions
  | TaskRunner
  | Tasks
  | TriggerSettings
type Wrong = Config.ConfigError | RootKeyInvalid | SettingInvalid

/** What a session's object needs of it, to tell what became of its task. `config` holds the Worker's variables. */
export const running = (env: Env, config: Layer.Layer<never>): Layer.Layer<Running, Wrong> =>
  Layer.merge(TaskRunner.layer, MailReplies.layer).pipe(
    Layer.provideMerge(Deliverer.layer),
    Layer.provide(MailSender.layer),
    Layer.provideMerge(ApprovalRequests.layer),
    Layer.provideMerge([
      TasksD1.layer(env.CATALOG),
      MailboxesD1.layer(env.CATALOG),
      DurableObjects.layer(env.SESSIONS),
      TriggerSettings.layer
    ]),
    Layer.provide([CatalogD1.layer(env.CATALOG), Queues.layer(env), Layer.succeed(Backends, Sandboxes.backends(env))]),
    Layer.provide([ArtifactsR2.layer(env.BLOBS), SendEmail.layer(env.EMAIL), ApprovalTokens.layer]),
    Layer.provide([FetchHttpClient.layer, Mac.layerWebCrypto]),
    Layer.provide([SecureRandom.layerWebCrypto, config])
  )

/** All of it: what starts sessions for tasks, and puts right what went wrong. */
export const layer = (env: Env, config: Layer.Layer<never>): Layer.Layer<Running | Sweeper | TaskConsumer, Wrong> =>
  Layer.merge(TaskConsumer.layer, Sweeper.layer).pipe(
    Layer.provideMerge(running(env, config)),
    Layer.provide([Queues.layer(env), SecureRandom.layerWebCrypto])
  )

/** Milliseconds that egress decisions, and messages that are over, are kept: 30 days. */
const retention = 30 * 24 * 60 * 60 * 1000

const expire = (time: number) =>
  Effect.gen(function* () {
    const before = new Date(time - retention).toISOString()
    yield* Catalog.use((catalog) => catalog.deleteDecisionsBefore(before))
    yield* Tasks.use((tasks) => tasks.deleteNotesBefore(before))
    yield* Deliveries.use((deliveries) => deliveries.deleteBefore(before))
    yield* Mailboxes.use((mailboxes) => mailboxes.deleteRefusedBefore(before))
    yield* ApprovalLinks.use((links) => links.deleteBefore(before))
  })

type Expiring = ApprovalLinks | Catalog | Deliveries | Mailboxes | Tasks

/** Which of the clock's calls it is, the cron expression of `wrangler.jsonc` says. */
export const scheduled = (
  { cron, scheduledTime }: ScheduledController,
  env: Env,
  config: Layer.Layer<never>
): Promise<void> =>
  Effect.suspend((): Effect.Effect<void, StorageError, Sweeper | Expiring> =>
    cron === "* * * * *" ? Sweeper.use(({ sweep }) => sweep) : expire(scheduledTime)
  ).pipe(Effect.provide([layer(env, config), CatalogD1.layer(env.CATALOG)]), Effect.runPromise)

export const deliver = (batch: MessageBatch, env: Env, config: Layer.Layer<never>) =>
  TaskConsumer.use(({ deadLetters, tasks }) =>
    batch.queue.endsWith("-dead") ? deadLetters(batch.messages) : tasks(batch.messages)
  ).pipe(Effect.provide(layer(env, config)))

/** Hands over what the platform received. Where this fails, the sending server keeps the mail and tries again. */
export const receive = (message: ForwardableEmailMessage, env: Env, config: Layer.Layer<never>) =>
  Effect.gen(function* () {
    const { from, raw, rawSize: size, to } = message
    const { receive } = yield* MailConsumer
    const read = Effect.tryPromise({ try: () => new Response(raw).bytes(), catch: failed("MailConsumer.read") })
    const verdict = yield* receive({ from, to, size, raw: read })
    if (verdict.type === "rejected") message.setReject(verdict.reason)
  }).pipe(
    Effect.provide(
      MailConsumer.layer.pipe(
        Layer.provide(running(env, config)),
        Layer.provide([
          ArtifactsR2.layer(env.BLOBS),
          PostalMime.layer,
          Digest.layerWebCrypto,
          SecureRandom.layerWebCrypto
        ])
      )
    )
  )
