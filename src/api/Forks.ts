import * as Schema from "effect/Schema"
import { BudgetInput } from "../domain/Budget.ts"
import { EventId } from "../domain/Ids.ts"
import { ModelInput, System } from "./Agents.ts"
import { ToolsInput } from "./AgentTools.ts"
import { UserMessageInput } from "./Events.ts"
import { MetadataInput, nullable } from "./Fields.ts"
import { PolicyIds } from "./Policies.ts"

/** The result of a call in the conversation that a fork goes on from. */
const ToolResultInput = Schema.Struct({
  tool_use_id: EventId,
  content: Schema.String.check(Schema.isMaxLength(300_000)),
  is_error: nullable(Schema.Boolean)
})

/** What is absent is as in the session that is forked; null or an empty list clears it, and a budget begins anew. */
export const ForkSession = Schema.Struct({
  /** The event after which the fork goes on; the last one where absent. */
  at: nullable(EventId),
  model: nullable(ModelInput),
  system: nullable(System),
  tools: nullable(ToolsInput),
  policy_ids: nullable(PolicyIds),
  environment_id: nullable(Schema.String),
  vault_ids: nullable(Schema.Array(Schema.String).check(Schema.isMaxLength(20))),
  tool_results: nullable(Schema.Array(ToolResultInput).check(Schema.isMaxLength(50))),
  initial_events: nullable(Schema.Array(UserMessageInput).check(Schema.isMaxLength(50))),
  budget: nullable(BudgetInput),
  title: nullable(Schema.String.check(Schema.isMaxLength(1_000))),
  metadata: nullable(MetadataInput)
})
