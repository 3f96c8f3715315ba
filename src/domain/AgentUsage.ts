import * as Schema from "effect/Schema"
import { AgentId } from "./Ids.ts"

/** Ours: what an agent's sessions have used up, of all its versions. A session that was deleted counts no more. */
export const AgentUsage = Schema.Struct({
  type: Schema.Literal("agent_usage"),
  agent_id: AgentId,
  sessions: Schema.Int,
  active_seconds: Schema.Finite,
  input_tokens: Schema.Int,
  output_tokens: Schema.Int,
  cache_read_input_tokens: Schema.Int,
  /** At list price, of the requests whose model has one. */
  list_cost_usd: Schema.Finite
})
export type AgentUsage = typeof AgentUsage.Type
