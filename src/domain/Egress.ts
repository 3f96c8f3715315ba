import { Schema } from "effect"
import { Timestamp } from "./Common.ts"
import { SessionId } from "./Ids.ts"

/** What an outbound request came to: `injected` is allowed with a credential attached. */
export const EgressOutcome = Schema.Literals(["injected", "allowed", "blocked"])
export type EgressOutcome = typeof EgressOutcome.Type

/** One audit record: one outbound request (or one hop of a redirect). Never holds a secret, a query or a body. */
export const EgressDecision = Schema.Struct({
  type: Schema.Literal("egress_decision"),
  id: Schema.String,
  session_id: SessionId,
  method: Schema.String,
  scheme: Schema.String,
  host: Schema.String,
  port: Schema.Int,
  path: Schema.String,
  outcome: EgressOutcome,
  /** Why: the rule that matched, or why none did. */
  reason: Schema.String,
  /** The upstream's HTTP status; null where nothing was sent or no answer came. */
  status: Schema.NullOr(Schema.Int),
  created_at: Timestamp
})
export type EgressDecision = typeof EgressDecision.Type
