import { Context, type Effect, type Redacted, Schema } from "effect"
import type { HttpClient } from "effect/http"
import type { EgressDecision } from "./domain/Egress.ts"

export interface EgressRequest {
  readonly method: string
  readonly url: URL
}

/** What a policy says of a request. `headers` are set on it, over https only. */
export type Verdict =
  | { readonly outcome: "blocked"; readonly reason: string }
  | { readonly outcome: "allowed"; readonly reason: string }
  | {
      readonly outcome: "injected"
      readonly reason: string
      readonly headers: { readonly [name: string]: Redacted.Redacted }
    }

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
