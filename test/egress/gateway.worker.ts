import { DurableObject, WorkerEntrypoint } from "cloudflare:workers"
import { ConfigProvider, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpClientRequest } from "effect/http"
import * as Gateway from "../../layers/egress/Gateway.ts"
import * as EgressClient from "../../layers/egress/HttpClient.ts"
import * as Ways from "../../layers/egress/Ways.ts"
import * as PolicyStore from "../../layers/egress/PolicyStore.ts"
import * as CatalogD1 from "../../layers/storage/CatalogD1.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import { EventId, SessionId } from "../../src/domain/Ids.ts"
import type { PolicyRule } from "../../src/domain/Policy.ts"
import { EgressHttpClient, EgressPolicy, EgressSession } from "../../src/EgressPolicy.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import { makeContext } from "../../src/tools/Context.ts"
import { agent as agentRecord, environment, policy } from "../support/records.ts"
import { noBindings, noSandbox } from "../tools/support.ts"
import { limited } from "./urls.ts"

interface Env {
  readonly CATALOG: D1Database
  readonly LOADER: WorkerLoader
}

/** The gateway as a composition root makes it, over the real catalog. */
export class EgressGateway extends Gateway.make(
  (env: Env, session) =>
    PolicyStore.layer(session).pipe(
      Layer.provide([
        CatalogD1.layer(env.CATALOG),
        EgressSession.layerNone,
        SecureRandom.layerWebCrypto,
        ConfigProvider.layer(ConfigProvider.fromUnknown({ EGRESS_HEADERS: egressHeaders }))
      ])
    ),
  (env) => Ways.make(env, env.LOADER)
) {}

/** One whose layer cannot be built, as with an `EGRESS_HEADERS` that is not in order. */
export class BrokenGateway extends Gateway.make<Env>(
  () => Layer.effect(EgressPolicy, Effect.fail("broken")),
  (env) => Ways.make(env, env.LOADER)
) {}

/** A credential for a host that only a service binding reaches. */
const egressHeaders = JSON.stringify({ "private.example": { authorization: "Bearer hunter2" } })

/** A service that the Worker is bound to as `PRIVATE`. */
export class PrivateService extends WorkerEntrypoint {
  override async fetch(request: Request): Promise<Response> {
    const { method, url, headers } = request
    if (new URL(url).pathname === "/moved") return Response.redirect("http://127.0.0.1:1/", 302)
    const isAuthorized = headers.get("authorization") === "Bearer hunter2"
    const seen = { method, url, headers: Object.fromEntries(headers), isAuthorized, body: await request.text() }
    return Response.json(seen)
  }
}

/** What the isolate runs: it asks for what it is told, and says what it got. */
const agent = `export default {
  async fetch(request) {
    const { url, init } = await request.json()
    const response = await fetch(url, init)
    if (response.webSocket === null) return Response.json([response.status, await response.text()])
    const message = new Promise((resolve) => response.webSocket.addEventListener("message", ({ data }) => resolve(data)))
    response.webSocket.accept()
    return Response.json([response.status, await message])
  }
}`

/** Status and text. */
type Answer = readonly [status: number, text: string]

/** What the tests ask for. */
export interface Ask {
  readonly from: "isolate" | "client" | "tool"
  readonly gateway: "EgressGateway" | "BrokenGateway"
  readonly session: string
  readonly allowed: ReadonlyArray<string>
  /** Of a policy of the environment. */
  readonly rules: ReadonlyArray<PolicyRule>
  readonly url: string
  readonly init?: {
    readonly method?: string
    readonly headers?: Record<string, string>
    readonly body?: string
    readonly redirect?: "manual"
  }
}

const viaClient = ({ init = {}, url }: Ask, gateway: Fetcher) =>
  Effect.gen(function* () {
    const request = HttpClientRequest.make(init.method === "POST" ? "POST" : "GET")(url, { headers: init.headers })
    const client = yield* EgressHttpClient
    const response = yield* client.execute(
      init.body === undefined ? request : HttpClientRequest.bodyText(request, init.body)
    )
    return [response.status, yield* response.text] as const
  }).pipe(Effect.provide(EgressClient.layer(() => gateway)), Effect.runPromise)

const viaTool = ({ init, session, url }: Ask, gateway: Fetcher) =>
  Effect.gen(function* () {
    const http = yield* EgressHttpClient
    const { fetch } = yield* makeContext({
      sessionId: SessionId.make(`sesn_${session}`),
      callId: EventId.make("sevt_1"),
      sandbox: yield* SandboxBackend,
      http,
      env: noBindings,
      signal: new AbortController().signal
    })
    const response = yield* Effect.promise(() => fetch(url, init))
    return [response.status, yield* Effect.promise(() => response.text())] as const
  }).pipe(Effect.provide([EgressClient.layer(() => gateway), noSandbox]), Effect.runPromise)

const viaIsolate = async ({ init, url }: Ask, gateway: Fetcher, loader: WorkerLoader) => {
  const isolate = loader.load({
    compatibilityDate: "2026-11-01",
    mainModule: "agent.js",
    modules: { "agent.js": agent },
    globalOutbound: gateway
  })
  const body = JSON.stringify({ url, init })
  const response = await isolate.getEntrypoint().fetch("http://agent/", { method: "POST", body })
  return response.json<Answer>()
}

/** Stands in for the product's session object, from which the gateway is reached. */
export class AgentSession extends DurableObject<Env> {
  async ask(ask: Ask): Promise<Answer> {
    const props = {
      sessionId: `sesn_${ask.session}`,
      environmentId: environment("1").id,
      agentId: agentRecord("1").id,
      policyIds: [],
      vaultIds: [],
      toolUseId: null
    }
    // It is typed by the product's own configuration, which knows other classes.
    const exports = this.ctx.exports as unknown as Record<Ask["gateway"], (options: { props: unknown }) => Fetcher>
    const gateway = exports[ask.gateway]({ props })
    switch (ask.from) {
      case "client":
        return viaClient(ask, gateway)
      case "tool":
        return viaTool(ask, gateway)
      case "isolate":
        return viaIsolate(ask, gateway, this.env.LOADER)
    }
  }
}

export default {
  async fetch(request: Request, env: Env & { readonly SESSIONS: DurableObjectNamespace<AgentSession> }) {
    if (new URL(request.url).pathname === "/migrate") {
      const statements = (await request.text()).split(/;$/m).filter((statement) => statement.trim() !== "")
      await env.CATALOG.batch(statements.map((statement) => env.CATALOG.prepare(statement)))
      return new Response(null, { status: 204 })
    }
    const ask: Ask = await request.json()
    const catalog = <A, E>(program: Effect.Effect<A, E, Catalog>) =>
      Effect.runPromise(Effect.provide(program, CatalogD1.layer(env.CATALOG)))
    const saved = policy(`0${ask.session}`, { rules: ask.rules })
    await catalog(Effect.flatMap(Catalog, (catalog) => catalog.addPolicyVersion(saved)))
    const config = {
      type: "cloud",
      backend: "isolate",
      networking: limited(...ask.allowed),
      policy_ids: [saved.id]
    } as const
    await catalog(Effect.flatMap(Catalog, (catalog) => catalog.putEnvironment(environment("1", { config }))))
    const answer = await env.SESSIONS.getByName(ask.session).ask(ask)
    const of = (all: ReadonlyArray<EgressDecision>) => all.filter((one) => one.session_id === `sesn_${ask.session}`)
    const isOver = ({ duration_ms, outcome }: EgressDecision) => outcome === "blocked" || duration_ms !== null
    const read = Effect.flatMap(Catalog, (catalog) => Effect.map(catalog.decisions({ limit: 100 }), of))
    const decisions = await catalog(Effect.repeat(read, { until: (all) => all.every(isOver) }))
    return Response.json({ answer, decisions })
  }
}
