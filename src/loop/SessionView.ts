import type { Session } from "../domain/Session.ts"
import type { Snapshot } from "./SessionLog.ts"

/** A session as the wire API shows it. What it has left to do is work, even before the loop has logged that it runs. */
export const make = ({ record, state, updatedAt }: Snapshot, isBusy: boolean): Session => ({
  type: "session",
  id: record.id,
  status: state.status === "idle" && isBusy ? "running" : state.status,
  agent: record.agent,
  environment_id: record.environment_id,
  title: record.title,
  metadata: record.metadata,
  resources: [],
  vault_ids: record.vault_ids,
  outcome_evaluations: [],
  ...(record.deployment_id === undefined ? {} : { deployment_id: record.deployment_id }),
  budget: record.budget,
  ...(record.forked_from === undefined ? {} : { forked_from: record.forked_from }),
  ...(record.output_config === undefined
    ? {}
    : { output_config: record.output_config, structured_output: state.structuredOutput }),
  stats: { active_seconds: state.spent.active / 1000 },
  usage: {
    input_tokens: state.spent.usage.input_tokens,
    output_tokens: state.spent.usage.output_tokens,
    cache_read_input_tokens: state.spent.usage.cache_read_input_tokens,
    list_cost_usd: state.spent.listCost
  },
  created_at: record.created_at,
  updated_at: updatedAt,
  archived_at: record.archived_at
})
