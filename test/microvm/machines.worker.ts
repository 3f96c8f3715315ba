import { DurableObject, env as bindings, WorkerEntrypoint } from "cloudflare:workers"
import { Cause, Effect, Exit, Layer, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { MicroVm as Product } from "../../layers/cloudflare/MicroVm.ts"
import * as Recording from "../../layers/egress/Recording.ts"
import * as MicroVmSandbox from "../../layers/sandbox/MicroVm.ts"
import * as MicroVmSnapshots from "../../layers/sandbox/MicroVmSnapshots.ts"
import type { Machine, Owner } from "../../layers/sandbox/microvm/Protocol.ts"
import { AgentId, EnvironmentId, SessionId, type SnapshotId } from "../../src/domain/Ids.ts"
import { decodeInjections } from "../../src/egress/injection.ts"
import { handle } from "../../src/egress/gateway.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import { snapshotKey, type Snapshots } from "../../src/Snapshots.ts"
import * as Sandbox from "../SandboxBackend.contract.ts"
import { limited } from "../egress/urls.ts"
import { network, sh } from "../SandboxBackend.support.ts"
import type { Contract } from "../support/contract.ts"
import { type Control, Controls, egress, lifecycle, machine, type Stage } from "./machine.ts"
import { snapshots } from "./snapshots.ts"

export { ContainerProxy } from "../../layers/cloudflare/MicroVm.ts"

/** What a machine's session answers it that is about to be stopped. */
const stopping = { isSaved: true }

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
  async reset() {
    this.ctx.abort("reset by a test")
  }
  async startBare() {
    await this.startAndWaitForPorts({ ports: this.defaultPort })
  }

  readonly #holds = new Map<Stage, PromiseWithResolvers<void>>()
  async hold(stage: Stage) {
    this.#holds.set(stage, Promise.withResolvers())
  }
  async held(stage: Stage) {
    await this.#holds.get(stage)?.promise
  }
  /** For ever: what waits for it has to be ended from outside. */
  async #stay(stage: Stage) {
    const hold = this.#holds.get(stage)
    if (hold === undefined) return
    hold.resolve()
    this.#holds.delete(stage)
    await new Promise(() => {})
  }
  override async transfer(snapshot: string) {
    const method = await super.transfer(snapshot)
    await this.#stay(method === "PUT" ? "save" : "restore")
    return method
  }
  override async execWithSessionToken(...input: Parameters<InstanceType<typeof Product>["execWithSessionToken"]>) {
    if (input[0] !== "/opt/ownloop/boot") return super.execWithSessionToken(...input)
    // The container may end meanwhile, which a call to its server would see.
    await Promise.race([this.#stay("boot"), this.#ended.promise])
    return super.execWithSessionToken(...input)
  }
  #ended = Promise.withResolvers<void>()
  override async onStop(...input: Parameters<InstanceType<typeof Product>["onStop"]>) {
    this.#ended.resolve()
    this.#ended = Promise.withResolvers()
    await super.onStop(...input)
  }

  async expire(canBeSaved: boolean) {
    stopping.isSaved = canBeSaved
    await this.onActivityExpired()
    return this.ctx.container?.running === true
  }

  get #prefix() {
    return snapshotKey(this.ctx.id.name as SessionId, "" as SnapshotId)
  }
  async archives() {
    const { objects } = await bindings.BLOBS.list({ prefix: this.#prefix })
    return objects.map(({ key }) => key.slice(this.#prefix.length)).sort()
  }
  async delete(snapshot: string) {
    await bindings.BLOBS.delete(`${this.#prefix}${snapshot}`)
  }
  /** One bit of its archive. */
  async damage(snapshot: string) {
    const key = `${this.#prefix}${snapshot}`
    const bytes = new Uint8Array((await (await bindings.BLOBS.get(key))?.arrayBuffer()) ?? [])
    bytes[bytes.length >> 1]! ^= 1
    await bindings.BLOBS.put(key, bytes)
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

const suites: Record<string, Contract<SandboxBackend | Snapshots | Controls>> = {
  contract: Sandbox.contract,
  machine,
  lifecycle,
  snapshots,
  egress
}

/** A stub for each call: one whose object was reset is of no use. */
const anew = (vm: () => Control): Control =>
  new Proxy({} as Control, {
    get:
      (_, name: keyof Control) =>
      (...input: ReadonlyArray<never>) =>
        (vm()[name] as (...input: ReadonlyArray<never>) => unknown)(...input)
  })

/** Tests of a suite share a machine; each begins with an empty workspace and a new shell. */
const empty = Layer.effectDiscard(
  Effect.andThen(
    SandboxBackend.use(({ restart }) => restart),
    sh("find /workspace /tmp -mindepth 1 -delete")
  )
)

export class AgentSession extends DurableObject<Env> {
  /** What the machine asks its session. */
  machineStopping() {
    return { ok: true, value: stopping.isSaved }
  }

  /** Answers what went wrong, or null. */
  async run(suite: string, test: string): Promise<string | null> {
    const owner: Owner = {
      sessionId: SessionId.make(`sesn_${suite}`),
      environmentId: EnvironmentId.make("env_1"),
      agentId: AgentId.make("agent_1"),
      policyIds: [],
      vaultIds: []
    }
    const vm = () => this.env.MICROVMS.getByName(owner.sessionId)
    const layer = empty.pipe(
      Layer.provideMerge(
        Layer.mergeAll(
          MicroVmSandbox.layer({ machine: vm, owner }),
          MicroVmSnapshots.layer(vm, true),
          Layer.succeed(Controls, anew(vm))
        )
      ),
      Layer.provide(SecureRandom.layerWebCrypto)
    )
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
