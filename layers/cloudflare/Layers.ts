import * as Layer from "effect/Layer"
import type * as SecureRandom from "effect/crypto/SecureRandom"
import type * as HttpClient from "effect/http/HttpClient"
import type { Catalog } from "../../src/Catalog.ts"
import type { EventId } from "../../src/domain/Ids.ts"
import type { SessionRecord } from "../../src/domain/Session.ts"
import type { EgressHttpClient, EgressPolicy, EgressSession } from "../../src/EgressPolicy.ts"
import type { ModelClient } from "../../src/ModelClient.ts"
import type { SandboxBackend } from "../../src/SandboxBackend.ts"
import type { SecretBox } from "../../src/SecretBox.ts"
import * as SessionCredentials from "../../src/SessionCredentials.ts"
import type { Storage } from "../../src/Storage.ts"
import { builtIn } from "../../src/tools/builtIn.ts"
import type { Tool } from "../../src/tools/defineTool.ts"
import * as Toolset from "../../src/tools/Toolset.ts"
import type { ToolRegistry } from "../../src/ToolRegistry.ts"
import type { Vaults } from "../../src/Vaults.ts"
import type { Workspace } from "../../src/Workspace.ts"
import type { Props } from "../egress/Gateway.ts"
import * as PolicyStore from "../egress/PolicyStore.ts"
import * as Providers from "../model/Providers.ts"
import * as Sandboxes from "../sandboxes.ts"
import * as SessionLogSqlite from "../storage/SessionLogSqlite.ts"
import * as DeploymentTools from "../tools/Deployment.ts"
import type { WorkerEnv } from "./Bindings.ts"

/** One session, in its Durable Object. */
export interface SessionScope {
  readonly ctx: DurableObjectState
  readonly env: WorkerEnv
  readonly record: SessionRecord
  /** The only way out for what the session does, on behalf of one of its tool calls: each request is decided about and recorded. */
  readonly gateway: (toolUse: EventId | null) => Fetcher
}

/**
 * The five concerns of a Worker, each a function that answers its layer. What such a layer may ask for stands in its type; its variables and
 * secrets it reads by `Config`. A layer that cannot be built fails what asked for it, and shows why in the log.
 */
export interface Layers {
  /** The brain of every session. */
  readonly model: (env: WorkerEnv) => Layer.Layer<ModelClient, unknown, HttpClient.HttpClient>
  /** The tools, in the place of the built-in ones and of `tools`. Also built where there is no session, to tell what tools there are. */
  readonly tools: (env: WorkerEnv) => Layer.Layer<ToolRegistry, unknown, SandboxBackend | EgressHttpClient>
  /** The machine of one session, whatever backend its environment names. */
  readonly sandbox: (session: SessionScope) => Layer.Layer<SandboxBackend, unknown, Workspace | Vaults | SecretBox>
  /** What may leave, and what is attached to it; built for every request, in an isolate of its own. */
  readonly egress: (
    env: WorkerEnv,
    session: Props
  ) => Layer.Layer<EgressPolicy, unknown, EgressSession | Catalog | Vaults | SecretBox | SecureRandom.SecureRandom>
  /** A session's record and log. Built also for objects that have no session. */
  readonly storage: (ctx: DurableObjectState, env: WorkerEnv) => Layer.Layer<Storage>
}

/** What a Worker has where nothing is put in its place. */
export const defaults = (tools: ReadonlyArray<Tool>): Layers => {
  const toolset = Toolset.make({ builtIn, custom: tools })
  return {
    model: (env) => Providers.layer({ ai: env.AI }),
    tools: (env) => DeploymentTools.layer(toolset, env),
    sandbox: ({ env, gateway, record }) => Sandboxes.layer(env, record, gateway),
    egress: (_, session) => PolicyStore.layer(session).pipe(Layer.provide(SessionCredentials.layer(session))),
    storage: (ctx) => SessionLogSqlite.layer(ctx.storage)
  }
}
