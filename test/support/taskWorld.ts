import { Clock, ConfigProvider, Context, Effect, Layer, Option, Scope, Stream } from "effect"
import { Digest, Mac, SecureRandom } from "effect/crypto"
import { FetchHttpClient } from "effect/http"
import * as Otlp from "../../layers/observability/Otlp.ts"
import * as ArtifactsMemory from "../../layers/storage/ArtifactsMemory.ts"
import * as PostalMime from "../../layers/mail/PostalMime.ts"
import * as BlobsMemory from "../../layers/storage/BlobsMemory.ts"
import * as MailboxesMemory from "../../layers/storage/MailboxesMemory.ts"
import * as Memory from "../../layers/storage/Memory.ts"
import * as OutboxCursorObject from "../../layers/storage/OutboxCursorObject.ts"
import * as TasksMemory from "../../layers/storage/TasksMemory.ts"
import { agentLoop } from "../../layers/test.ts"
import { Alarm } from "../../src/Alarm.ts"
import { ApprovalTokens } from "../../src/ApprovalTokens.ts"
import { ApprovalLinks } from "../../src/ApprovalLinks.ts"
import { Artifacts } from "../../src/Artifacts.ts"
import { Catalog } from "../../src/Catalog.ts"
import { Deliveries } from "../../src/Deliveries.ts"
import type { SessionId } from "../../src/domain/Ids.ts"
import { SessionObject } from "../../src/loop/SessionObject.ts"
import { noUsage } from "../../src/loop/Spent.ts"
import { MailOut, type OutgoingMail } from "../../src/mail/MailOut.ts"
import { Mailboxes } from "../../src/Mailboxes.ts"
import { ModelClient, type ModelPart } from "../../src/ModelClient.ts"
import { OutboxCursor } from "../../src/OutboxCursor.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import { SessionNotFound, Sessions } from "../../src/Sessions.ts"
import { Storage, StorageError } from "../../src/Storage.ts"
import { Tasks } from "../../src/Tasks.ts"
import { ApprovalRequests } from "../../src/triggers/ApprovalRequests.ts"
import { Deliverer } from "../../src/triggers/Deliver.ts"
import { MailConsumer } from "../../src/triggers/MailConsumer.ts"
import { MailSender } from "../../src/triggers/MailSender.ts"
import { ReplyQueues, TaskQueueOut } from "../../src/triggers/ReplyQueues.ts"
import * as SessionOutbox from "../../src/triggers/SessionOutbox.ts"
import { Backends, TriggerSettings } from "../../src/triggers/Settings.ts"
import { Sweeper } from "../../src/triggers/Sweeper.ts"
import { DeadLetterOut, type QueueMessage, TaskConsumer } from "../../src/triggers/TaskConsumer.ts"
import { decode, type TaskOrigin } from "../../src/triggers/TaskMessage.ts"
import { TaskRunner } from "../../src/triggers/TaskRunner.ts"
import { Workspace } from "../../src/Workspace.ts"

/** A deployment whose process can be killed at every step of a task, over stores that outlive it. */

/** What a session's object keeps. */
interface Durable {
  readonly services: Context.Context<Storage | Workspace | OutboxCursor>
  alarm: number | null
}

interface Letter {
  readonly id: string
  readonly body: unknown
}

const answer: ReadonlyArray<ModelPart> = [
  { type: "text", text: "done" },
  { type: "finish", usage: noUsage, truncated: false }
]

/** All methods of a service, each with a moment before and after it. */
const around = <S extends object>(service: S, moment: Effect.Effect<void>): S =>
  Object.fromEntries(
    Object.entries(service).map(([name, member]: [string, unknown]) => {
      const wrap = (effect: Effect.Effect<unknown, unknown>) =>
        Effect.andThen(
          moment,
          Effect.tap(effect, () => moment)
        )
      if (Effect.isEffect(member)) return [name, wrap(member as Effect.Effect<unknown, unknown>)]
      return [
        name,
        (...args: Array<unknown>) =>
          wrap((member as (...args: Array<unknown>) => Effect.Effect<unknown, unknown>)(...args))
      ]
    })
  ) as S // The same members, of the same types.

export class World {
  /** Steps that were taken so far. */
  moments = 0
  readonly sessions = new Map<SessionId, Durable>()
  /** What the queue of outcomes took, and the queue of dead letters. */
  readonly replies: Array<{ readonly id: string; readonly data: { readonly id: string } }> = []
  readonly dead: Array<Letter> = []
  /** What was sent by mail. */
  readonly mails: Array<OutgoingMail> = []
  private readonly fatal: number

  /** The process that is there at this moment dies. */
  constructor(fatal: number) {
    this.fatal = fatal
  }

  /** A process: nothing that it does after its death happens. */
  life() {
    const life = { isDead: false }
    const moment: Effect.Effect<void> = Effect.suspend(() => {
      if (!life.isDead && ++this.moments === this.fatal) life.isDead = true
      return life.isDead ? Effect.never : Effect.void
    })
    return { life, moment }
  }

  readonly durable = Effect.fnUntraced(function* (this: World, id: SessionId) {
    const known = this.sessions.get(id)
    if (known !== undefined) return known
    const services = yield* Layer.build(
      Layer.fresh(Layer.mergeAll(Memory.storage, Memory.workspace, OutboxCursorObject.layerMemory))
    )
    const durable: Durable = { services, alarm: null }
    this.sessions.set(id, durable)
    return durable
  })
}

/** One process, until its scope is closed. */
export const start = Effect.fnUntraced(function* (
  world: World,
  stores: Context.Context<ApprovalLinks | Artifacts | Catalog | Deliveries | Mailboxes | Tasks>,
  home: Scope.Scope
) {
  const { life, moment } = world.life()
  const scope = yield* Effect.scope
  const objects = new Map<SessionId, SessionObject["Service"]>()
  const hadWork = new Set<SessionId>()
  let outboxServices: Context.Context<
    ApprovalRequests | Artifacts | Deliverer | Deliveries | Mailboxes | TaskRunner | Tasks | TriggerSettings
  >

  const catalog = Context.get(stores, Catalog)
  const shared = Layer.mergeAll(
    Layer.succeed(Tasks, around(Context.get(stores, Tasks), moment)),
    Layer.succeed(Deliveries, around(Context.get(stores, Deliveries), moment)),
    Layer.succeed(Mailboxes, around(Context.get(stores, Mailboxes), moment)),
    Layer.succeed(ApprovalLinks, Context.get(stores, ApprovalLinks)),
    Layer.succeed(Artifacts, around(Context.get(stores, Artifacts), moment)),
    Layer.succeed(Catalog, catalog)
  )

  const open = Effect.fnUntraced(function* (id: SessionId) {
    const known = objects.get(id)
    if (known !== undefined) return known
    const durable = yield* Effect.provideService(world.durable(id), Scope.Scope, home)
    const kept = Context.get(durable.services, Storage)
    const storage = Storage.of({
      ...kept,
      putRecord: (record) =>
        Effect.andThen(
          moment,
          Effect.tap(kept.putRecord(record), () => moment)
        ),
      append: (events) =>
        Effect.andThen(
          moment,
          Effect.tap(kept.append(events), () => moment)
        )
    })
    const model = Layer.succeed(ModelClient, {
      stream: () => Stream.mapEffect(Stream.fromIterable(answer), (part) => Effect.as(moment, part))
    })
    const layer = SessionObject.layer(id).pipe(
      Layer.provide(SessionOutbox.layer),
      Layer.provide(agentLoop({ id, model, storage: Layer.succeed(Storage, storage) })),
      Layer.provide([
        Layer.succeed(OutboxCursor, around(Context.get(durable.services, OutboxCursor), moment)),
        Layer.succeed(Workspace, Context.get(durable.services, Workspace)),
        Layer.succeed(Storage, storage),
        Layer.succeed(Alarm, {
          set: (at) => Effect.sync(() => void (durable.alarm = at)),
          clear: Effect.sync(() => void (durable.alarm = null))
        }),
        BlobsMemory.layer,
        Otlp.layerNone,
        Layer.mock(SandboxBackend, { release: Effect.void }),
        Layer.succeed(Catalog, catalog),
        Layer.succeedContext(outboxServices)
      ])
    )
    const services = yield* Layer.buildWithScope(Layer.fresh(layer), scope).pipe(Effect.orDie)
    const object = Context.get(services, SessionObject)
    objects.set(id, object)
    if (yield* Effect.orElseSucceed(object.resume, () => false)) hadWork.add(id)
    return object
  })

  const exists = Effect.fnUntraced(function* (id: SessionId) {
    const durable = world.sessions.get(id)
    const record = durable === undefined ? Option.none() : yield* Context.get(durable.services, Storage).record
    if (Option.isNone(record)) return yield* new SessionNotFound({ id })
    return yield* open(id)
  })

  const none = Effect.die("tasks do not ask for it")
  const sessions = Sessions.of({
    create: (record, events) =>
      Effect.andThen(
        moment,
        Effect.flatMap(open(record.id), (object) => object.create(record, events))
      ).pipe(
        Effect.tap(() => moment),
        Effect.mapError((cause) => new StorageError({ operation: "create", cause }))
      ),
    send: (id, events) =>
      Effect.andThen(
        moment,
        Effect.flatMap(exists(id), (object) => object.send(events))
      ),
    rouse: Effect.fnUntraced(function* (id) {
      const alarm = world.sessions.get(id)?.alarm ?? null
      const isLate = !objects.has(id) && (alarm === null || alarm < (yield* Clock.currentTimeMillis) - 60_000)
      const isLeft = yield* (yield* exists(id)).rouse
      return isLate && (isLeft || hadWork.has(id))
    }),
    get: () => none,
    update: () => none,
    archive: () => none,
    delete: () => none,
    events: () => none,
    stream: () => none,
    export: () => none,
    traces: () => none,
    connect: () => none
  })

  const queue = (take: (message: never) => void) => (message: unknown) =>
    Effect.andThen(
      moment,
      Effect.andThen(
        Effect.sync(() => take(message as never)), // Each queue knows what it is sent.
        moment
      )
    )
  const triggers = Layer.mergeAll(TaskConsumer.layer, MailConsumer.layer, Sweeper.layer).pipe(
    Layer.provideMerge(TaskRunner.layer),
    Layer.provideMerge(Deliverer.layer),
    Layer.provide(MailSender.layer),
    Layer.provideMerge(ApprovalRequests.layer),
    Layer.provideMerge([
      shared,
      Layer.succeed(Sessions, sessions),
      Layer.succeed(TriggerSettings, {
        limits: { concurrency: 1, concurrencyPerAgent: 1 },
        environmentId: Option.none(),
        webhookKey: Option.none(),
        endpoints: [],
        webhookHosts: [],
        mail: { domain: Option.some("agents.example.com"), approver: Option.none(), url: Option.none() }
      })
    ]),
    Layer.provide([
      Layer.succeed(Backends, new Set(["isolate" as const])),
      Layer.succeed(ReplyQueues, new Map([["REPLIES", queue((message) => world.replies.push(message))]])),
      Layer.succeed(TaskQueueOut, () => none),
      Layer.succeed(
        DeadLetterOut,
        queue((body) => world.dead.push({ id: `dead${world.dead.length}`, body }))
      ),
      FetchHttpClient.layer,
      Layer.succeed(MailOut, { send: (mail) => Effect.as(queue((mail) => world.mails.push(mail))(mail), "<sent@x>") }),
      PostalMime.layer,
      ApprovalTokens.layer
    ]),
    Layer.provide([Mac.layerWebCrypto, Digest.layerWebCrypto]),
    Layer.provide([SecureRandom.layerWebCrypto, ConfigProvider.layer(ConfigProvider.fromUnknown({}))])
  )
  const services = yield* Layer.buildWithScope(triggers, scope)
  outboxServices = services

  const consumer = Context.get(services, TaskConsumer)
  return {
    life,
    tasks: consumer.tasks,
    submit: (body: unknown, origin: TaskOrigin) =>
      Effect.flatMap(decode(body), (message) => Context.get(services, TaskRunner).submit(message, origin)),
    deadLetters: consumer.deadLetters,
    receive: Context.get(services, MailConsumer).receive,
    sweep: Context.get(services, Sweeper).sweep,
    /** Rings the alarms that are due. */
    ring: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      for (const [id, durable] of world.sessions) {
        if (durable.alarm === null || durable.alarm > now) continue
        durable.alarm = null
        yield* Effect.ignore(Effect.flatMap(exists(id), ({ wake }) => wake))
      }
    })
  }
})

export type Process = Effect.Success<ReturnType<typeof start>>

export const stores = Layer.build(
  Layer.mergeAll(TasksMemory.layer, MailboxesMemory.layer, ArtifactsMemory.layer).pipe(
    Layer.provideMerge(Memory.catalog)
  )
)

/** A message as the queue delivers it; `isLeft` where it was not acknowledged. */
export const delivered = ({ id, body }: Letter, attempts: number): QueueMessage & { isLeft: boolean } => ({
  id,
  body,
  attempts,
  timestamp: new Date(0),
  isLeft: true,
  ack() {
    this.isLeft = false
  },
  retry() {}
})
