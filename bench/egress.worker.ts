import { DurableObject, WorkerEntrypoint } from "cloudflare:workers"
import { ConfigProvider, Effect, Layer, Result } from "effect"
import { SecureRandom } from "effect/crypto"
import * as EgressGateway from "../layers/egress/Gateway.ts"
import * as PolicyStore from "../layers/egress/PolicyStore.ts"
import * as Recording from "../layers/egress/Recording.ts"
import * as Ways from "../layers/egress/Ways.ts"
import * as CatalogD1 from "../layers/storage/CatalogD1.ts"
import { Catalog } from "../src/Catalog.ts"
import { AgentId, EnvironmentId, SessionId } from "../src/domain/Ids.ts"
import { noNetworking } from "../src/domain/Environment.ts"
import { compilePolicy } from "../src/egress/policy.ts"
import { EgressSession } from "../src/EgressPolicy.ts"
import { policyOf } from "./egressPolicy.ts"

// What a request takes from a session's object: straight, through the gateway with all it needs in memory, and through the gateway as it is.

interface Env {
  readonly CATALOG: D1Database
  readonly LOADER: WorkerLoader
  readonly SESSIONS: DurableObjectNamespace<AgentSession>
}

/** In another isolate's entrypoint too, so that the hop itself counts for neither. */
export class Straight extends WorkerEntrypoint {
  override fetch(request: Request): Promise<Response> {
    return fetch(request)
  }
}

const host = (props: EgressGateway.Props) => props.policyIds[0]!.replace("pol_", "")

export class InMemory extends EgressGateway.make<Env>(
  (_, props) =>
    Recording.layerBoundary({
      environment: [Result.getOrThrow(compiled(host(props)))],
      agent: []
    }),
  (env) => Ways.make(env, env.LOADER)
) {}

const policies = new Map<string, ReturnType<typeof compilePolicy>>()
const compiled = (port: string) => {
  const known = policies.get(port) ?? compilePolicy(policyOf(Number(port)))
  policies.set(port, known)
  return known
}

export class Whole extends EgressGateway.make(
  (env: Env, props) =>
    PolicyStore.layer(props).pipe(
      Layer.provide([
        CatalogD1.layer(env.CATALOG),
        EgressSession.layerNone,
        SecureRandom.layerWebCrypto,
        ConfigProvider.layer(ConfigProvider.fromUnknown({}))
      ])
    ),
  (env) => Ways.make(env, env.LOADER)
) {}

const environmentId = EnvironmentId.make("env_1")

export class AgentSession extends DurableObject<Env> {
  /** Asks so many times, one after the other. */
  async ask(way: string, port: number, times: number, ms: number): Promise<void> {
    const props: EgressGateway.Props = {
      sessionId: SessionId.make("sesn_1"),
      environmentId,
      agentId: AgentId.make("agent_1"),
      vaultIds: [],
      policyIds: [policyOf(port).id],
      toolUseId: null
    }
    // It is typed by the product's own configuration, which knows other classes.
    const exports = this.ctx.exports as unknown as Record<string, (options: { props: unknown }) => Fetcher>
    for (let count = 0; count < times; count++) {
      const response = await exports[way]!({ props }).fetch(`http://127.0.0.1:${port}/data/99/x?ms=${ms}`)
      const text = await response.text()
      if (text !== "hello") throw new Error(text)
    }
  }
}

export default {
  async fetch(request: Request, env: Env) {
    const url = new URL(request.url)
    if (url.pathname === "/migrate") {
      const statements: ReadonlyArray<string> = await request.json()
      await env.CATALOG.batch(statements.map((statement) => env.CATALOG.prepare(statement)))
      return new Response()
    }
    const port = Number(url.searchParams.get("port"))
    const way = url.searchParams.get("way")
    if (way !== null) {
      const number = (name: string) => Number(url.searchParams.get(name))
      await env.SESSIONS.getByName("bench").ask(way, port, number("times"), number("ms"))
      return new Response()
    }
    const time = "2026-11-22T16:42:00.000Z"
    await Effect.runPromise(
      Effect.gen(function* () {
        const catalog = yield* Catalog
        yield* catalog.putEnvironment({
          type: "environment",
          id: environmentId,
          name: "bench",
          description: null,
          config: { type: "cloud", backend: "isolate", networking: noNetworking, policy_ids: [policyOf(port).id] },
          metadata: {},
          created_at: time,
          updated_at: time,
          archived_at: null
        })
        yield* catalog.addPolicyVersion(policyOf(port))
      }).pipe(Effect.provide(CatalogD1.layer(env.CATALOG)))
    )
    return new Response()
  }
}
