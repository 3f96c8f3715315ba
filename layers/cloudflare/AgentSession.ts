import { DurableObject } from "cloudflare:workers"
import { Effect, ManagedRuntime, Stream } from "effect"
import type { ClientEvent } from "../../src/domain/Event.ts"
import type { SessionId } from "../../src/domain/Ids.ts"
import type { SessionRecord } from "../../src/domain/Session.ts"
import { SessionObject } from "../../src/loop/SessionObject.ts"
import type { EventQuery } from "../../src/Storage.ts"
import * as Cloudflare from "../cloudflare.ts"
import { type SessionRpc, toReply } from "../sessions/rpc.ts"

/** One session: its log and its files in this object's SQLite, its loop in this object's runtime. Named by the session's id. */
export class AgentSession extends DurableObject<Env> implements SessionRpc {
  readonly #runtime

  constructor(ctx: DurableObjectState<Cloudflare.Props>, env: Env) {
    super(ctx, env)
    this.#runtime = ManagedRuntime.make(Cloudflare.session(ctx, env, ctx.id.name as SessionId))
    void ctx.blockConcurrencyWhile(() => this.#runtime.context())
  }

  #reply<A>(use: (session: SessionObject["Service"]) => Parameters<typeof toReply<A, never>>[0]) {
    return this.#runtime.runPromise(toReply(SessionObject.use(use)))
  }

  create(record: SessionRecord, initialEvents: ReadonlyArray<ClientEvent>) {
    return this.#reply((session) => session.create(record, initialEvents))
  }
  get() {
    return this.#reply((session) => session.get)
  }
  update(change: Parameters<SessionObject["Service"]["update"]>[0]) {
    return this.#reply((session) => session.update(change))
  }
  archive() {
    return this.#reply((session) => session.archive)
  }
  destroy() {
    return this.#reply((session) => session.delete)
  }
  send(events: ReadonlyArray<ClientEvent>) {
    return this.#reply((session) => session.send(events))
  }
  events(query: EventQuery) {
    return this.#reply((session) => session.events(query))
  }
  stream(deltas: ReadonlyArray<"agent.message" | "agent.thinking">) {
    return this.#reply((session) =>
      Effect.map(session.stream({ deltas: new Set(deltas) }), (frames) => Stream.toReadableStream(frames))
    )
  }

  override async alarm() {
    await this.#runtime.runPromise(SessionObject.use((session) => session.wake))
  }
}
