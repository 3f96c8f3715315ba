import { DurableObject, WorkerEntrypoint } from "cloudflare:workers"
import { Cause, Effect, Exit, Layer, Redacted } from "effect"
import { MicroVm as Product } from "../../layers/cloudflare/MicroVm.ts"
import * as Recording from "../../layers/egress/Recording.ts"
import * as MicroVmSandbox from "../../layers/sandbox/MicroVm.ts"
import type { Machine, Owner } from "../../layers/sandbox/microvm/Protocol.ts"
import { AgentId, EnvironmentId, SessionId } from "../../src/domain/Ids.ts"
import { decodeInjections } from "../../src/egress/injection.ts"
import { handle } from "../../src/egress/gateway.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import * as Sandbox from "../SandboxBackend.contract.ts"
import { limited } from "../egress/urls.ts"
import { network, sh } from "../SandboxBackend.support.ts"
import type { Contract } from "../support/contract.ts"
import { type Control, Controls, egress, lifecycle, machine } from "./machine.ts"

export { ContainerProxy } from "../../layers/cloudflare/MicroVm.ts"

/** The product's own, with what a test does to a machine from outside. */
export class MicroVm extends Product implements Control {
  #starts = 0
  override async onStart() {
    this.#starts++
    await super.onStart()
  }
  async starts() {
    return this.#starts
  }
  async crash() {
    await this.ctx.container?.destroy()
  }
}
// The SDK finds a class's handlers by its name.
Object.assign(MicroVm, { outboundHandlers: Product.outboundHandlers })

interface Env {
  readonly MICROVMS: { getByName(name: string): Machine & Control }
  readonly SESSIONS: DurableObjectNamespace<AgentSession>
}

/** What the policy of the suite `egress` lets through, and what it attaches. */
const policy = Layer.unwrap(
  Effect.map(decodeInjections(Redacted.make('{"allowed.test": {"Authorization": "Bearer injected"}}')), (injections) =>
    Recording.layer(limited("allowed.test"), injections)
  )
)

/** Stands for the network behind the gateway: says what it was sent, and has a git repository. */
const upstream = async (request: Request) =>
  new URL(request.url).pathname.endsWith("/info/refs")
    ? new Response(`${"0".repeat(39)}1\trefs/heads/main\n`)
    : Response.json({
        url: request.url,
        isAuthorized: request.headers.get("authorization") === "Bearer injected",
        echo: request.headers.get("authorization"),
        body: await request.text()
      })

/** Where the machines send their traffic: the gateway itself for the suite about it, for others what all sandboxes' tests have. */
export class Gateway extends WorkerEntrypoint<Env, Owner> {
  override fetch(request: Request): Promise<Response> {
    if (this.ctx.props.sessionId !== "sesn_egress") return network(request)
    return handle(request, upstream).pipe(Effect.provide(policy), Effect.runPromise)
  }
}

const suites: Record<string, Contract<SandboxBackend | Controls>> = {
  contract: Sandbox.contract,
  machine,
  lifecycle,
  egress
}

/** Tests of a suite share a machine; each begins with an empty workspace and a new shell. */
const empty = Layer.effectDiscard(
  Effect.andThen(
    SandboxBackend.use(({ restart }) => restart),
    sh("find /workspace /tmp -mindepth 1 -delete")
  )
)

export class AgentSession extends DurableObject<Env> {
  /** Answers what went wrong, or null. */
  async run(suite: string, test: string): Promise<string | null> {
    const owner: Owner = {
      sessionId: SessionId.make(`sesn_${suite}`),
      environmentId: EnvironmentId.make("env_1"),
      agentId: AgentId.make("agent_1"),
      policyIds: [],
      vaultIds: []
    }
    const vm = this.env.MICROVMS.getByName(owner.sessionId)
    const sandbox = MicroVmSandbox.layer({ machine: vm, owner })
    const controls = Layer.succeed(Controls, vm)
    const layer = empty.pipe(Layer.provideMerge(Layer.merge(sandbox, controls)))
    const exit = await Effect.runPromiseExit(Effect.provide(suites[suite]![test]!, layer))
    return Exit.isSuccess(exit) ? null : Cause.pretty(exit.cause)
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [suite, test] = await request.json<[string, string]>()
    return Response.json(await env.SESSIONS.getByName(suite).run(suite, test))
  }
}
