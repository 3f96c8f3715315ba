import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { BudgetRefused } from "../../src/domain/Budget.ts"
import { MetadataFull } from "../../src/domain/Common.ts"
import type { EgressApproval, EgressDecision } from "../../src/domain/Egress.ts"
import type { ClientEvent, SessionEvent } from "../../src/domain/Event.ts"
import type { Session, SessionRecord } from "../../src/domain/Session.ts"
import type { WorkspaceSnapshot } from "../../src/domain/WorkspaceSnapshot.ts"
import type { EgressQuestion } from "../../src/EgressPolicy.ts"
import {
  AheadOfLog,
  type Inherited,
  SessionConflict,
  SessionNotFound,
  type Sessions,
  type StreamOptions
} from "../../src/Sessions.ts"
import type { Trace } from "../../src/trace/Span.ts"
import { type EventQuery, type LogEntry, StorageError } from "../../src/Storage.ts"

/** Errors cross to another object as data: class instances do not survive a structured clone. */
const Failure = Schema.Union([SessionNotFound, SessionConflict, AheadOfLog, MetadataFull, BudgetRefused, StorageError])
export type Failure = typeof Failure.Type
const encodeFailure = Schema.encodeSync(Failure)
const decodeFailure = Schema.decodeUnknownSync(Failure)

export type Reply<A> =
  | { readonly ok: true; readonly value: A }
  | { readonly ok: false; readonly error: typeof Failure.Encoded }

export const toReply = <A, R>(effect: Effect.Effect<A, Failure, R>): Effect.Effect<Reply<A>, never, R> =>
  Effect.match(effect, {
    onSuccess: (value) => ({ ok: true, value }),
    onFailure: (failure) => ({ ok: false, error: encodeFailure(failure) })
  })

export const fromReply = <A>(reply: Reply<A>): Effect.Effect<A, Failure> =>
  reply.ok ? Effect.succeed(reply.value) : Effect.fail(decodeFailure(reply.error))

/** The methods of a session's Durable Object. All data is plain. */
export interface SessionRpc {
  create(
    record: SessionRecord,
    initialEvents: ReadonlyArray<ClientEvent>,
    inherited?: ReadonlyArray<Inherited>
  ): Promise<Reply<Session>>
  get(): Promise<Reply<Session>>
  update(change: Parameters<Sessions["Service"]["update"]>[1]): Promise<Reply<Session>>
  rouse(): Promise<Reply<boolean>>
  archive(): Promise<Reply<Session>>
  destroy(): Promise<Reply<void>>
  send(events: ReadonlyArray<ClientEvent>): Promise<Reply<ReadonlyArray<SessionEvent>>>
  events(query: EventQuery): Promise<Reply<ReadonlyArray<LogEntry>>>
  stream(options: StreamOptions): Promise<Reply<ReadableStream<Uint8Array>>>
  noteEgress(decision: EgressDecision): Promise<Reply<void>>
  approveEgress(question: EgressQuestion): Promise<Reply<EgressApproval | "unasked">>
  export(): Promise<Reply<ReadableStream<Uint8Array>>>
  traces(turns: number): Promise<Reply<ReadonlyArray<Trace>>>
  snapshots(): Promise<Reply<ReadonlyArray<WorkspaceSnapshot>>>
  /** Asked by the session's machine. */
  machineStopping(reason: "idle" | "replaced"): Promise<Reply<boolean>>
  /** A WebSocket cannot be a method's answer. Where there is none in the response, its body is a `Reply` that says why. */
  fetch(request: Request): Promise<Response>
}

const Upgrade = Schema.fromJsonString(
  Schema.Struct({
    deltas: Schema.Array(Schema.Literals(["agent.message", "agent.thinking"])),
    after: Schema.optionalKey(Schema.Int)
  })
)
const encodeUpgrade = Schema.encodeSync(Upgrade)
const decodeUpgrade = Schema.decodeUnknownSync(Upgrade)
const header = "ownloop-stream"

/** The request that asks a session's object for a WebSocket. */
export const toUpgrade = ({ deltas, ...options }: StreamOptions): Request =>
  new Request("https://session/", {
    headers: { upgrade: "websocket", [header]: encodeUpgrade({ deltas: [...deltas], ...options }) }
  })

export const fromUpgrade = (request: Request): StreamOptions => {
  const { deltas, ...options } = decodeUpgrade(request.headers.get(header))
  return { deltas: new Set(deltas), ...options }
}
