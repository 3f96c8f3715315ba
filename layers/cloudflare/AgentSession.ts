import { DurableObject } from "cloudflare:workers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import type { ClientEvent } from "../../src/domain/Event.ts"
import type { EventId } from "../../src/domain/Ids.ts"
import type { SessionRecord } from "../../src/domain/Session.ts"
import type { EgressQuestion } from "../../src/EgressPolicy.ts"
import { SessionObject } from "../../src/loop/SessionObject.ts"
import { SessionNotFound, type StreamOptions } from "../../src/Sessions.ts"
import { type EventQuery, Storage } from "../../src/Storage.ts"
import * as Cloudflare from "../cloudflare.ts"
import type { Props as EgressProps } from "../egress/Gateway.ts"
import { type Failure, fromUpgrade, type Reply, type SessionRpc, toReply } from "../sessions/rpc.ts"
import { Sockets } from "../sessions/Sockets.ts"
import type { WorkerEnv } from "./Bindings.ts"
import type { Layers } from "./Layers.ts"

/** One session: its log and its files in this object's SQLite, its loop in this object's runtime. Named by the session's id. */
export abstract class AgentSession extends DurableObject<WorkerEnv> implements SessionRpc {
  protected abstract readonly layers: Layers

  #runtime: ManagedRuntime.ManagedRuntime<SessionObject | Sockets, unknown> | undefined

  /** Whether something was left to do when the object was opened. */
  #hadWork = false

  /** The layers are chosen by the session's record: an object without one, an unknown id, has no runtime and stores nothing. */
  readonly #open = Effect.gen({ self: this }, function* () {
    if (this.#runtime === undefined) {
      const record = yield* Effect.provide(
        Storage.use((storage) => storage.record),
        this.layers.storage(this.ctx, this.env)
      )
      if (Option.isNone(record)) return yield* new SessionNotFound({ id: this.ctx.id.name ?? "" })
      const runtime = this.#start(record.value)
      // Whoever asks: what was left to do when the object was last there goes on. Where it cannot be opened, the next one tries again.
      const resume = Effect.orElseSucceed(
        SessionObject.use(({ resume }) => resume),
        () => false
      )
      this.#hadWork = yield* Effect.promise(() => runtime.runPromise(resume)).pipe(
        Effect.onError(() => Effect.sync(() => (this.#runtime = undefined)))
      )
      return runtime
    }
    return this.#runtime
  })

  #start(record: SessionRecord) {
    const props: Omit<EgressProps, "toolUseId"> = {
      sessionId: record.id,
      environmentId: record.environment_id,
      agentId: record.agent.id,
      policyIds: record.agent.policy_ids ?? [],
      vaultIds: record.vault_ids
    }
    // The types know the exports of the product's main module only.
    const exports = this.ctx.exports as unknown as { Gateway(options: { props: EgressProps }): Fetcher }
    const gateway = (toolUseId: EventId | null) => exports.Gateway({ props: { ...props, toolUseId } })
    const scope = { ctx: this.ctx, env: this.env, record, gateway }
    return (this.#runtime ??= ManagedRuntime.make(
      Sockets.layer(this.ctx).pipe(Layer.provideMerge(Cloudflare.session(scope, this.layers)))
    ))
  }

  #run<A>(effect: Effect.Effect<A, Failure, SessionObject | Sockets>): Promise<Reply<A>> {
    return this.#open.pipe(
      Effect.flatMap((runtime) => Effect.promise(() => runtime.runPromise(toReply(effect)))),
      Effect.catch((failure) => toReply(Effect.fail(failure))),
      Effect.runPromise
    )
  }

  #use<A>(f: (session: SessionObject["Service"]) => Effect.Effect<A, Failure>): Promise<Reply<A>> {
    return this.#run(SessionObject.use(f))
  }

  create(record: SessionRecord, initialEvents: ReadonlyArray<ClientEvent>) {
    return this.#start(record).runPromise(
      toReply(SessionObject.use((session) => session.create(record, initialEvents)))
    )
  }
  get() {
    return this.#use((session) => session.get)
  }
  update(change: Parameters<SessionRpc["update"]>[0]) {
    return this.#use((session) => session.update(change))
  }
  /** The alarm is looked at before the object is opened, which by itself lets the session go on. */
  async rouse(): ReturnType<SessionRpc["rouse"]> {
    const alarm = this.#runtime === undefined ? await this.ctx.storage.getAlarm() : Infinity
    const reply = await this.#use((session) => session.rouse)
    const isLate = alarm === null || alarm < Date.now() - 60_000
    return reply.ok ? { ok: true, value: isLate && (this.#hadWork || reply.value) } : reply
  }
  archive() {
    return this.#use((session) => session.archive)
  }
  async destroy() {
    const reply = await this.#use((session) => session.delete)
    if (reply.ok) {
      await this.#runtime?.dispose()
      this.#runtime = undefined
    }
    return reply
  }
  send(events: ReadonlyArray<ClientEvent>) {
    return this.#use((session) => session.send(events))
  }
  events(query: EventQuery) {
    return this.#use((session) => session.events(query))
  }
  stream(options: StreamOptions) {
    return this.#use((session) => session.stream(options))
  }
  export() {
    return this.#use((session) => session.export)
  }
  traces(turns: number) {
    return this.#use((session) => session.traces(turns))
  }

  noteEgress(decision: EgressDecision) {
    return this.#use((session) => session.noteEgress(decision))
  }
  approveEgress(question: EgressQuestion) {
    return this.#use((session) => session.approveEgress(question))
  }

  override async fetch(request: Request) {
    const reply = await this.#run(Sockets.use((sockets) => sockets.open(fromUpgrade(request))))
    return reply.ok ? new Response(null, { status: 101, webSocket: reply.value }) : Response.json(reply)
  }
  override webSocketMessage(socket: WebSocket) {
    socket.close(1003, 'the only message that this socket takes is "ping"')
  }
  override webSocketClose(socket: WebSocket) {
    // The client waits for this: the platform answers it only for sockets that do not hibernate.
    socket.close(1000)
    return this.#runtime?.runPromise(Sockets.use((sockets) => sockets.forget(socket)))
  }
  override webSocketError(socket: WebSocket) {
    return this.webSocketClose(socket)
  }

  /** A session that is gone needs no waking. The platform gives up an alarm that fails a few times: this one stands until it succeeds. */
  override async alarm() {
    try {
      const reply = await this.#use((session) => session.wake)
      if (!reply.ok && reply.error._tag !== "SessionNotFound") throw new Error(reply.error._tag)
    } catch (error) {
      console.error("the session could not be woken", error)
      await this.ctx.storage.setAlarm(Date.now() + 60_000)
    }
  }
}
