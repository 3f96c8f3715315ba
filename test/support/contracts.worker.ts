import { DurableObject, WorkerEntrypoint } from "cloudflare:workers"
import { Cause, Effect, Exit, Layer } from "effect"
import * as Isolate from "../../layers/sandbox/Isolate.ts"
import * as ApiKeysD1 from "../../layers/storage/ApiKeysD1.ts"
import * as BlobsR2 from "../../layers/storage/BlobsR2.ts"
import * as CatalogD1 from "../../layers/storage/CatalogD1.ts"
import * as SessionLogSqlite from "../../layers/storage/SessionLogSqlite.ts"
import * as TasksD1 from "../../layers/storage/TasksD1.ts"
import * as VaultsD1 from "../../layers/storage/VaultsD1.ts"
import * as WorkspaceSqlite from "../../layers/storage/WorkspaceSqlite.ts"
import * as DeploymentTools from "../../layers/tools/Deployment.ts"
import { builtIn } from "../../src/tools/builtIn.ts"
import { customTools } from "../../src/tools/custom-tools.ts"
import * as Toolset from "../../src/tools/Toolset.ts"
import * as ApiKeys from "../ApiKeys.contract.ts"
import * as Blobs from "../Blobs.contract.ts"
import * as Catalog from "../Catalog.contract.ts"
import * as EgressPolicy from "../EgressPolicy.contract.ts"
import { policyStore } from "../EgressPolicy.layers.ts"
import * as Replay from "../Replay.contract.ts"
import * as SandboxBackend from "../SandboxBackend.contract.ts"
import { network } from "../SandboxBackend.support.ts"
import * as Sandboxes from "../SandboxBackend.workspace.ts"
import * as Storage from "../Storage.contract.ts"
import * as StorageSqlite from "../StorageSqlite.contract.ts"
import * as Tasks from "../Tasks.contract.ts"
import * as ToolRegistry from "../ToolRegistry.contract.ts"
import { noBindings, noNetwork, noSandbox } from "../tools/support.ts"
import * as Vaults from "../Vaults.contract.ts"
import * as Workspace from "../Workspace.contract.ts"
import type { Contract } from "./contract.ts"

interface Env {
  readonly BLOBS: R2Bucket
  readonly CATALOG: D1Database
  readonly LOADER: WorkerLoader
  readonly SESSIONS: DurableObjectNamespace<AgentSession>
}

/** A contract with the layer that it is run against, from inside a Durable Object. */
interface Suite {
  readonly run: (test: string, ctx: DurableObjectState, env: Env) => Effect.Effect<void, unknown>
}

const suite = <R>(
  contract: Contract<R>,
  layer: (ctx: DurableObjectState, env: Env) => Layer.Layer<R, unknown>
): Suite => ({
  run: (test, ctx, env) => {
    const program = contract[test]
    return program === undefined ? Effect.die(`no test named ${test}`) : Effect.provide(program, layer(ctx, env))
  }
})

const session = (storage: DurableObjectStorage) =>
  Layer.merge(SessionLogSqlite.layer(storage), WorkspaceSqlite.layer(storage))

/** Where the sandboxes of the tests send their traffic. */
export class Network extends WorkerEntrypoint {
  override fetch(request: Request): Promise<Response> {
    return network(request)
  }
}

const isolate = ({ exports, id }: DurableObjectState, loader: WorkerLoader) => {
  // The types know the exports of the product's main module only.
  const { Network } = exports as unknown as { readonly Network: (options: object) => Fetcher }
  return Isolate.layer({ loader, outbound: () => Network({}), sessionId: id.toString() })
}

const dyingShell = `import { abortIsolate, WorkerEntrypoint } from "cloudflare:workers"
export default class extends WorkerEntrypoint { exec() { abortIsolate("gone") } }`

/** Hands out a shell that dies before any that works. */
const dying = (loader: WorkerLoader): WorkerLoader => {
  let first = true
  return {
    load: (code) => loader.load(code),
    get: (id, code) => {
      if (!first) return loader.get(id, code)
      first = false
      return loader.load({ compatibilityDate: "2026-11-01", mainModule: "main.js", modules: { "main.js": dyingShell } })
    }
  }
}

const catalog = ["agents", "environments", "policies", "sessions", "egress_decisions"]
const tasks = ["tasks", "deliveries", "dead_letters", "sweeps"]

/** All tests share one database: each starts by emptying it. */
const emptied = (db: D1Database) =>
  Layer.effectDiscard(
    Effect.promise(() =>
      db.batch(
        [...catalog, ...tasks, "api_keys", "vaults", "credentials"].map((table) => db.prepare(`DELETE FROM ${table}`))
      )
    )
  )

const emptyCatalog = (db: D1Database) => emptied(db).pipe(Layer.provideMerge(CatalogD1.layer(db)))

/** Keys name the layer. `contracts.worker.test.ts` names the same ones with their contracts. */
const suites: Record<string, Suite> = {
  SessionLogSqlite: suite(Storage.contract, ({ storage }) => session(storage)),
  WorkspaceSqlite: suite(Workspace.contract, ({ storage }) => WorkspaceSqlite.layer(storage)),
  Isolate: suite({ ...SandboxBackend.contract, ...SandboxBackend.isolated }, (ctx, { LOADER }) =>
    isolate(ctx, LOADER).pipe(Layer.provide(WorkspaceSqlite.layer(ctx.storage)))
  ),
  IsolateRestarts: {
    run: (test, ctx, env) =>
      suite(Sandboxes.restarts(isolate(ctx, env.LOADER)), ({ storage }) => WorkspaceSqlite.layer(storage)).run(
        test,
        ctx,
        env
      )
  },
  IsolateFull: suite(Sandboxes.full, (ctx, { LOADER }) =>
    isolate(ctx, LOADER).pipe(Layer.provide(Sandboxes.almostFull))
  ),
  IsolateDies: suite(Sandboxes.recovery, (ctx, { LOADER }) =>
    isolate(ctx, dying(LOADER)).pipe(Layer.provide(WorkspaceSqlite.layer(ctx.storage)))
  ),
  StorageSqlite: suite(StorageSqlite.contract, ({ storage }) =>
    Layer.merge(session(storage), Layer.succeed(StorageSqlite.ObjectStorage, storage))
  ),
  StorageDies: suite(StorageSqlite.deaths, (ctx) =>
    Layer.merge(
      session(ctx.storage),
      Layer.succeed(
        StorageSqlite.Death,
        Effect.sync(() => ctx.abort("dead"))
      )
    )
  ),
  BlobsR2: suite({ ...Blobs.contract, ...Blobs.inBucket }, (_, { BLOBS }) => BlobsR2.layer(BLOBS)),
  CatalogD1: suite(Catalog.contract, (_, { CATALOG }) => emptyCatalog(CATALOG)),
  ApiKeysD1: suite(ApiKeys.contract, (_, { CATALOG }) =>
    Layer.provideMerge(emptied(CATALOG), ApiKeysD1.layer(CATALOG))
  ),
  VaultsD1: suite(Vaults.contract, (_, { CATALOG }) => Layer.provideMerge(emptied(CATALOG), VaultsD1.layer(CATALOG))),
  TasksD1: suite(Tasks.contract, (_, { CATALOG }) => Layer.provideMerge(emptyCatalog(CATALOG), TasksD1.layer(CATALOG))),
  PolicyStore: suite(EgressPolicy.contract, (_, { CATALOG }) => policyStore(emptyCatalog(CATALOG))),
  Replay: suite(Replay.contract, () => Layer.empty),
  DeploymentTools: suite(ToolRegistry.contract, () =>
    DeploymentTools.layer(Toolset.make({ builtIn, custom: customTools }), noBindings).pipe(
      Layer.provide([noSandbox, noNetwork])
    )
  )
}

/** Stands in for the product's session object: same class name, so that the configuration needs no second truth. */
export class AgentSession extends DurableObject<Env> {
  /** Answers what went wrong, or null. */
  async run(name: string, test: string): Promise<string | null> {
    const exit = await Effect.runPromiseExit(suites[name]!.run(test, this.ctx, this.env))
    return Exit.isSuccess(exit) ? null : Cause.pretty(exit.cause)
  }

  /** Lets tests set an alarm. */
  override alarm(): void {}
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [name, test] = await request.json<[string, string]>()
    const run = () => env.SESSIONS.getByName(`${name}/${test}`).run(name, test)
    return Response.json(await (name === "StorageDies" ? run().catch(run) : run()))
  }
}
