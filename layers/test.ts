import type * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type { Blobs } from "../src/Blobs.ts"
import type { Catalog } from "../src/Catalog.ts"
import type { Networking } from "../src/domain/Environment.ts"
import type { SessionId } from "../src/domain/Ids.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import { handle, type Send } from "../src/egress/gateway.ts"
import type { Deliveries } from "../src/Deliveries.ts"
import { type EgressHttpClient, EgressPolicy } from "../src/EgressPolicy.ts"
import { PolicyAmendments } from "../src/egress/amend.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { SessionObject } from "../src/loop/SessionObject.ts"
import type { ModelClient } from "../src/ModelClient.ts"
import { Outbox } from "../src/Outbox.ts"
import type { Sessions } from "../src/Sessions.ts"
import type { SandboxBackend } from "../src/SandboxBackend.ts"
import type { Storage } from "../src/Storage.ts"
import type { Tasks } from "../src/Tasks.ts"
import { builtIn } from "../src/tools/builtIn.ts"
import type { Tool, ToolEnv } from "../src/tools/defineTool.ts"
import * as Toolset from "../src/tools/Toolset.ts"
import type { ToolRegistry } from "../src/ToolRegistry.ts"
import type { Workspace } from "../src/Workspace.ts"
import { Deliverer } from "../src/triggers/Deliver.ts"
import { Backends, type SettingInvalid, TriggerSettings } from "../src/triggers/Settings.ts"
import { Sweeper } from "../src/triggers/Sweeper.ts"
import { TaskConsumer } from "../src/triggers/TaskConsumer.ts"
import { TaskRunner } from "../src/triggers/TaskRunner.ts"
import type { TraceExporter } from "../src/TraceExporter.ts"
import * as InProcessHttpClient from "./egress/InProcessHttpClient.ts"
import * as Recording from "./egress/Recording.ts"
import * as Otlp from "./observability/Otlp.ts"
import * as Queues from "./queues/Queues.ts"
import * as MemorySandbox from "./sandbox/Memory.ts"
import * as InProcess from "./sessions/InProcess.ts"
import * as Alarm from "./storage/Alarm.ts"
import * as BlobsMemory from "./storage/BlobsMemory.ts"
import * as Memory from "./storage/Memory.ts"
import * as TasksMemory from "./storage/TasksMemory.ts"
import * as DeploymentTools from "./tools/Deployment.ts"
import * as Fixed from "./tools/Fixed.ts"

interface Options<Model> {
  /** The brain: `Scripted.layer([...])`, or any other. */
  readonly model: Layer.Layer<ModelClient | Model>
  /** Variables as a Worker has them. */
  readonly config?: Readonly<Record<string, string>>
}

const config = (variables: Options<never>["config"] = {}) => ConfigProvider.layer(ConfigProvider.fromUnknown(variables))

/** The loop of one session in this process, with just the tools given. */
export const agentLoop = <Model>(
  options: Options<Model> & {
    readonly id: SessionId
    readonly tools?: ReadonlyArray<Tool>
    /** In memory where absent. */
    readonly storage?: Layer.Layer<Storage>
  }
): Layer.Layer<AgentLoop | Model | Storage | Blobs, Config.ConfigError> =>
  AgentLoop.layer(options.id).pipe(
    Layer.provideMerge([options.model, options.storage ?? Memory.storage, BlobsMemory.layer]),
    Layer.provide([
      Fixed.layer(options.tools ?? []),
      PolicyAmendments.layer.pipe(Layer.provide(Memory.catalog)),
      SecureRandom.layerWebCrypto,
      config(options.config)
    ])
  )

/** What takes the place of a layer of `deployment`: the concerns that `makeWorker` replaces, by the same names. */
export interface TestLayers {
  readonly tools?: Layer.Layer<ToolRegistry, unknown, SandboxBackend | EgressHttpClient>
  readonly sandbox?: Layer.Layer<SandboxBackend, unknown, Workspace>
  readonly egress?: Layer.Layer<EgressPolicy>
  /** Built anew for every session. */
  readonly storage?: Layer.Layer<Storage>
}

/** A whole deployment in this process: its own tools, a sandbox per session, the egress gateway, and everything it keeps in memory. */
export const deployment = <Model>(
  options: Options<Model> & {
    /** What sessions may reach; nothing where absent. */
    readonly networking?: Networking
    /** Nowhere where absent. */
    readonly traces?: Layer.Layer<TraceExporter>
    /** Stands for the network. */
    readonly send?: Send
    /** Beside the built-in ones. */
    readonly tools?: ReadonlyArray<Tool>
    /** The bindings that tools get. */
    readonly env?: Partial<ToolEnv>
    readonly layers?: TestLayers
  }
): Layer.Layer<Sessions | Catalog | Recording.Decisions | Model> => {
  const send: Send = options.send ?? (() => Promise.reject(new Error("there is no network")))
  const { layers = {} } = options
  const toolset = Toolset.make({ builtIn, custom: options.tools ?? [] })
  const sandbox = Layer.unwrap(
    Effect.map(Effect.context<EgressPolicy>(), (services) =>
      MemorySandbox.layer({ fetch: (request) => Effect.runPromiseWith(services)(handle(request, send)) })
    )
  )
  const session = ({ id }: SessionRecord) =>
    SessionObject.layer(id).pipe(
      Layer.provide(AgentLoop.layer(id)),
      Layer.provide(PolicyAmendments.layer),
      Layer.provide(layers.tools ?? DeploymentTools.layer(toolset, { ...options.env } as ToolEnv)), // Only what the tools of a test need.
      Layer.provide([layers.sandbox ?? sandbox, InProcessHttpClient.layer(send)]),
      Layer.provide([
        layers.storage ?? Memory.storage,
        Memory.workspace,
        BlobsMemory.layer,
        Alarm.layerNone,
        Outbox.layerNone,
        options.traces ?? Otlp.layerNone
      ])
    )
  return InProcess.layer(session).pipe(
    Layer.provideMerge(layers.egress ?? Layer.empty),
    Layer.provideMerge([options.model, Memory.catalog, Recording.layer(options.networking)]),
    Layer.provide([SecureRandom.layerWebCrypto, config(options.config)])
  )
}

type SendMessage = (message: unknown) => Promise<unknown>

/** Tasks in this process: what starts sessions for them and tells what became of them, with everything kept in memory. */
export const triggers = (
  options: {
    readonly config?: Readonly<Record<string, string>>
    /** Stands for the network that webhooks leave to. */
    readonly send?: Send
    /** The Worker's queues, by their bindings. */
    readonly queues?: Readonly<Record<string, SendMessage>>
  } = {}
): Layer.Layer<
  Tasks | Deliveries | TaskConsumer | TaskRunner | Deliverer | Sweeper | TriggerSettings,
  Config.ConfigError | SettingInvalid,
  Catalog | Sessions
> => {
  const send: Send = options.send ?? (() => Promise.reject(new Error("there is no network")))
  const none: SendMessage = () => Promise.reject(new Error("there is no such queue"))
  const queues = Object.entries({ TASKS: none, DEAD_LETTERS: none, ...options.queues }).map(
    ([name, send]) => [name, { send }] as const
  )
  return Layer.mergeAll(TaskConsumer.layer, Sweeper.layer).pipe(
    Layer.provideMerge(TaskRunner.layer),
    Layer.provideMerge(Deliverer.layer),
    Layer.provideMerge([TasksMemory.layer, TriggerSettings.layer]),
    Layer.provide([
      Queues.layer(Object.fromEntries(queues) as Parameters<typeof Queues.layer>[0]), // Both are there.
      Layer.succeed(Backends, new Set(["isolate" as const])),
      FetchHttpClient.layer,
      Mac.layerWebCrypto
    ]),
    Layer.provide([
      Layer.succeed(FetchHttpClient.Fetch, (input: RequestInfo | URL, init?: RequestInit) =>
        send(new Request(input, init))
      ),
      SecureRandom.layerWebCrypto,
      config(options.config)
    ])
  )
}
