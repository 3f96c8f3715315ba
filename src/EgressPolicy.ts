import { Context, type Effect, type Redacted, Schema } from "effect"
import type { HttpClient } from "effect/http"
import type { EgressDecision } from "./domain/Egress.ts"

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

/** What of the session's credentials goes out with a request, over https only. */
export interface Attachment {
  readonly headers: { readonly [name: string]: Redacted.Redacted }
  readonly placeholders: ReadonlyArray<Placeholder>
  /** The credentials that the headers are of, for the audit. */
  readonly names: ReadonlyArray<string>
  /** What no answer may show, whether it was attached or not. */
  readonly secrets: ReadonlyArray<Redacted.Redacted>
}

/** What a policy says of a request: `injected` where headers are attached. Which placeholders there are shows when it is sent. */
export type Verdict =
  | { readonly outcome: "blocked"; readonly reason: string }
  | { readonly outcome: "allowed" | "injected"; readonly reason: string; readonly attachment: Attachment }

/** The audit record could not be kept: the request may have been sent by then, but nothing of its answer is handed on. */
export class AuditFailed extends Schema.TaggedError<AuditFailed>()("AuditFailed", { cause: Schema.Defect() }) {
  override get message(): string {
    return "the egress audit record could not be written"
  }
}

/**
 * Decides, for one session, which outbound requests pass and what is attached to them. It sends nothing itself: the gateway
 * (`src/egress/gateway.ts`) asks it about every request and every hop of a redirect, and records what came of it.
 */
export class EgressPolicy extends Context.Service<
  EgressPolicy,
  {
    /** Total, and closed: a policy that is missing, broken or unreadable blocks. */
    decide(request: EgressRequest): Effect.Effect<Verdict>
    record(
      decision: Omit<EgressDecision, "type" | "id" | "session_id" | "created_at">
    ): Effect.Effect<void, AuditFailed>
  }
>()("ownloop/EgressPolicy") {}

/** The HTTP client for everything a tool sends: each of its requests passes through the egress gateway. */
export class EgressHttpClient extends Context.Service<EgressHttpClient, HttpClient.HttpClient>()(
  "ownloop/EgressPolicy/EgressHttpClient"
) {}
