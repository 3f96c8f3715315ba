import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as HttpClient from "effect/http/HttpClient"
import type { EgressApproval, EgressAsk, EgressDecision, EgressRule, EgressTraffic } from "./domain/Egress.ts"
import type { EventId } from "./domain/Ids.ts"
import type { PolicyLimits, Via } from "./domain/Policy.ts"

export interface EgressRequest {
  readonly method: string
  readonly url: URL
}

/** A credential that a request may name instead of holding it: the gateway puts the value where the text stands. */
export interface Placeholder {
  /** Says in the audit which credential it is. */
  readonly name: string
  readonly text: string
  readonly value: Redacted.Redacted
  /** Where it is replaced. */
  readonly header: boolean
  readonly body: boolean
}

/** What came of getting a credential another value. */
export interface Renewed {
  readonly isNew: boolean
  /** Says in the audit which credential it is, and what went wrong. */
  readonly reason: string
  /** The request that was sent for it; null where somebody else sent one. */
  readonly asked: { readonly url: string; readonly status: number | null } | null
}

export type Renew = Effect.Effect<Renewed>

/** What of the session's credentials goes out with a request, over https only. */
export interface Attachment {
  readonly headers: { readonly [name: string]: Redacted.Redacted }
  readonly placeholders: ReadonlyArray<Placeholder>
  /** The credentials that the headers are of, for the audit. */
  readonly names: ReadonlyArray<string>
  /** What no answer may show, whether it was attached or not. */
  readonly secrets: ReadonlyArray<Redacted.Redacted>
  /** Of the credentials that the headers are of, those that can get another value where this one is refused. */
  readonly renewals: ReadonlyArray<Renew>
}

/**
 * What a policy says of a request, and by which rule: `injected` where headers are attached. Which placeholders there are shows when it is
 * sent.
 */
export type Verdict = {
  readonly reason: string
  readonly rule: EgressRule
  readonly approval: EgressApproval | null
  readonly limits: Required<PolicyLimits>
} & (
  | { readonly outcome: "blocked" }
  | { readonly outcome: "allowed" | "injected"; readonly via: Via | null; readonly attachment: Attachment }
)

/** The audit record could not be kept: the request may have been sent by then, but nothing of its answer is handed on. */
export class AuditFailed extends Schema.TaggedError<AuditFailed>()("AuditFailed", { cause: Schema.Defect() }) {
  override get message(): string {
    return "the egress audit record could not be written"
  }
}

/** An audit record, less what the policy knows of the session. */
export type EgressRecord = Omit<
  EgressDecision,
  "type" | "id" | "session_id" | "agent_id" | "tool_use_id" | "created_at" | keyof EgressTraffic
>

/**
 * Decides, for one session, which outbound requests pass and what is attached to them. It sends nothing itself: the gateway
 * (`src/egress/gateway.ts`) asks it about every request and every hop of a redirect, and records what came of it.
 */
export class EgressPolicy extends Context.Service<
  EgressPolicy,
  {
    /** Total, and closed: a policy that is missing, broken or unreadable blocks. */
    decide(request: EgressRequest): Effect.Effect<Verdict>
    /** Gets credentials other values, each under a record. Answers whether there are any: the request is decided about again. */
    renew(renewals: ReadonlyArray<Renew>): Effect.Effect<boolean, AuditFailed>
    /** Writes a record, before anything of the answer is known or while it is. */
    record(decision: EgressRecord): Effect.Effect<EgressDecision, AuditFailed>
    /** Shows in the session what was decided, with the status of the answer. */
    note(decision: EgressDecision): Effect.Effect<void>
    /** Adds to a record what came of it. */
    complete(decision: EgressDecision): Effect.Effect<void>
  }
>()("ownloop/EgressPolicy") {}

/** A request that a rule wants to be allowed by a person. */
export type EgressQuestion = Omit<EgressAsk, "tool_use_id" | "expires_at"> & { readonly tool_use_id: EventId | null }

/** The session whose requests are decided about. It may live in another isolate than the gateway. */
export class EgressSession extends Context.Service<
  EgressSession,
  {
    /** Shows a decision in the session's log, with the result of the tool call that it was made for. */
    note(decision: EgressDecision): Effect.Effect<void>
    /** Asks a person about a request, unless one has answered already. An approval for one request is used up by this. */
    approve(question: EgressQuestion): Effect.Effect<EgressApproval | "unasked">
  }
>()("ownloop/EgressPolicy/EgressSession") {
  /** No session: nothing is shown anywhere, and nobody can be asked. */
  static readonly layerNone: Layer.Layer<EgressSession> = Layer.succeed(EgressSession, {
    note: () => Effect.void,
    approve: () => Effect.succeed("unasked")
  })
}

/** The HTTP client for everything a tool sends: each of its requests passes through the egress gateway. */
export class EgressHttpClient extends Context.Service<EgressHttpClient, HttpClient.HttpClient>()(
  "ownloop/EgressPolicy/EgressHttpClient"
) {}

/** The tool call that is being run: what it sends is recorded under it. Null outside of one. */
export const CurrentToolUse = Context.Reference<EventId | null>("ownloop/EgressPolicy/CurrentToolUse", {
  defaultValue: () => null
})
