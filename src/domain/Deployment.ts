import * as Schema from "effect/Schema"
import { Budget } from "./Budget.ts"
import { Metadata, Timestamp } from "./Common.ts"
import { DeploymentId, DeploymentRunId, SessionId, TaskId } from "./Ids.ts"
import { OutputConfig } from "./StructuredOutput.ts"
import { Outcome, TaskEvent, TaskStatus, TriggerContext } from "./Task.ts"

/** What becomes of a run whose time comes while another one of the deployment has not ended. */
export const OverlapPolicy = Schema.Literals(["skip", "queue", "cancel_running"])
export type OverlapPolicy = typeof OverlapPolicy.Type

/** Which of the times that passed while nothing ran are made up for. */
export const CatchUpPolicy = Schema.Literals(["none", "latest", "all"])
export type CatchUpPolicy = typeof CatchUpPolicy.Type

/** `overlap_policy`, `catch_up_policy` and `jitter_seconds` are ours. */
export const Schedule = Schema.Struct({
  type: Schema.Literal("cron"),
  /** Five fields. */
  expression: Schema.String,
  /** Of the IANA database. */
  timezone: Schema.String,
  overlap_policy: OverlapPolicy,
  catch_up_policy: CatchUpPolicy,
  /** Each run of the deployment is later than its time by the same part of this. */
  jitter_seconds: Schema.Int
})
export type Schedule = typeof Schedule.Type

export const DeploymentStatus = Schema.Literals(["active", "paused"])
export type DeploymentStatus = typeof DeploymentStatus.Type

/** The error of a run that pauses its deployment too: the next one would fail the same. */
export const PausedReason = Schema.Union([
  Schema.Struct({ type: Schema.Literal("manual") }),
  Schema.Struct({ type: Schema.Literal("error"), error: Schema.Struct({ type: Schema.String }) })
])
export type PausedReason = typeof PausedReason.Type

const AgentReference = Schema.Struct({ type: Schema.Literal("agent"), id: Schema.String, version: Schema.Int })

/** An agent with all that it needs to run by itself, and when it does. `output_config` is ours. */
export const Deployment = Schema.Struct({
  type: Schema.Literal("deployment"),
  id: DeploymentId,
  name: Schema.String,
  description: Schema.NullOr(Schema.String),
  agent: AgentReference,
  environment_id: Schema.String,
  initial_events: Schema.Array(TaskEvent),
  metadata: Metadata,
  resources: Schema.Array(Schema.Never),
  vault_ids: Schema.Array(Schema.String),
  budget: Schema.NullOr(Budget),
  output_config: Schema.optionalKey(OutputConfig),
  schedule: Schema.NullOr(Schedule),
  status: DeploymentStatus,
  paused_reason: Schema.NullOr(PausedReason),
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type Deployment = typeof Deployment.Type

/**
 * One run of a deployment: its task, as the wire API shows it. Exactly one of `session_id` and `error` is there once the run has a place
 * among the sessions that run at the same time. `task_id`, `status` and `outcome` are ours.
 */
export const DeploymentRun = Schema.Struct({
  type: Schema.Literal("deployment_run"),
  id: DeploymentRunId,
  deployment_id: DeploymentId,
  agent: AgentReference,
  trigger_context: TriggerContext,
  session_id: Schema.NullOr(SessionId),
  /** Why it has no session. */
  error: Schema.NullOr(Schema.Struct({ type: Schema.String, message: Schema.String })),
  task_id: TaskId,
  status: TaskStatus,
  outcome: Schema.NullOr(Outcome),
  created_at: Timestamp
})
export type DeploymentRun = typeof DeploymentRun.Type
