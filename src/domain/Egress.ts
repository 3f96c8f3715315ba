import * as Schema from "effect/Schema"
import { Timestamp } from "./Common.ts"
import { AgentId, EventId, PolicyId, SessionId } from "./Ids.ts"

/** What an outbound request came to: `injected` is allowed with a credential attached. */
export const EgressOutcome = Schema.Literals(["injected", "allowed", "blocked"])
export type EgressOutcome = typeof EgressOutcome.Type

/** Of a request that a rule with `ask` matched: a person is asked, has denied it, or has allowed it before. The first two are blocked. */
export const EgressApproval = Schema.Literals(["asked", "denied", "once", "session"])
export type EgressApproval = typeof EgressApproval.Type

/** What a person allows: just this request, whatever its query. */
export const EgressTarget = Schema.Struct({
  method: Schema.String,
  scheme: Schema.Literals(["http", "https"]),
  host: Schema.String,
  port: Schema.Int,
  path: Schema.String
})
export type EgressTarget = typeof EgressTarget.Type

/** A request that waits for a person, and the rule that wants it so. */
export const EgressAsk = Schema.Struct({
  /** The call that sends it. */
  tool_use_id: EventId,
  ...EgressTarget.fields,
  policy_id: PolicyId,
  policy_version: Schema.String,
  rule: Schema.String,
  /** From then on it is blocked. */
  expires_at: Timestamp
})
export type EgressAsk = typeof EgressAsk.Type

/** The rule that decided; all null where none did. */
export const EgressRule = Schema.Struct({
  /** Null for a rule of the environment's `networking`. */
  policy_id: Schema.NullOr(PolicyId),
  policy_version: Schema.NullOr(Schema.String),
  /** For example `rules[2]` or `allowed_hosts: example.com`. */
  rule: Schema.NullOr(Schema.String)
})
export type EgressRule = typeof EgressRule.Type

/** What went over the wire of one request. Null until its answer is over, and for ever where the gateway's process did not see that. */
export const EgressTraffic = Schema.Struct({
  /** Bytes of the request's body, with placeholders as they are. */
  bytes_out: Schema.NullOr(Schema.Int),
  /** Bytes of the answer's body. */
  bytes_in: Schema.NullOr(Schema.Int),
  /** Milliseconds from the decision to the end of the answer. */
  duration_ms: Schema.NullOr(Schema.Int)
})
export type EgressTraffic = typeof EgressTraffic.Type

/** One audit record: one outbound request (or one hop of a redirect). Never holds a secret, a query or a body. */
export const EgressDecision = Schema.Struct({
  type: Schema.Literal("egress_decision"),
  id: Schema.String,
  session_id: SessionId,
  agent_id: Schema.NullOr(AgentId),
  /** The tool call on whose behalf the request was made, where that is known. */
  tool_use_id: Schema.NullOr(EventId),
  method: Schema.String,
  scheme: Schema.String,
  host: Schema.String,
  port: Schema.Int,
  path: Schema.String,
  outcome: EgressOutcome,
  /** Why: the rule that matched, or why none did. */
  reason: Schema.String,
  ...EgressRule.fields,
  approval: Schema.NullOr(EgressApproval),
  /** The upstream's HTTP status; null where nothing was sent, no answer came, or it is not over. */
  status: Schema.NullOr(Schema.Int),
  ...EgressTraffic.fields,
  created_at: Timestamp
})
export type EgressDecision = typeof EgressDecision.Type

/** What the session's log leaves out of a decision, which it shows under the session's own events. */
export const auditOnly = [
  "id",
  "type",
  "session_id",
  "agent_id",
  "created_at",
  "bytes_out",
  "bytes_in",
  "duration_ms"
] as const satisfies ReadonlyArray<keyof EgressDecision>
