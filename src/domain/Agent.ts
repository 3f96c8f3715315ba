import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { AgentId, PolicyId } from "./Ids.ts"
import { Metadata, Name, Timestamp } from "./Common.ts"

/** What happens when the model asks for a tool: it runs, or the session waits for `user.tool_confirmation`. */
export const PermissionPolicy = Schema.Union([
  Schema.Struct({ type: Schema.Literal("always_allow") }),
  Schema.Struct({ type: Schema.Literal("always_ask") })
])
export type PermissionPolicy = typeof PermissionPolicy.Type

/** The deployment's own tools: the built-in ones and those of `src/tools/custom-tools.ts`. */
export const AgentToolset = Schema.Struct({
  type: Schema.Literal("agent_toolset_20260401"),
  default_config: Schema.Struct({ enabled: Schema.Boolean, permission_policy: PermissionPolicy }),
  configs: Schema.Array(
    Schema.Struct({ name: Schema.NonEmptyString, enabled: Schema.Boolean, permission_policy: PermissionPolicy })
  )
})
export type AgentToolset = typeof AgentToolset.Type

export const ToolName = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,128}$/))

/** A tool that the client runs: the session waits for its `user.custom_tool_result`. */
export const CustomTool = Schema.Struct({
  type: Schema.Literal("custom"),
  name: ToolName,
  description: Schema.String,
  input_schema: Schema.StructWithRest(Schema.Struct({ type: Schema.Literal("object") }), [
    Schema.Record(Schema.String, Schema.Json)
  ])
})
export type CustomTool = typeof CustomTool.Type

export const AgentTool = Schema.Union([AgentToolset, CustomTool])
export type AgentTool = typeof AgentTool.Type

/** How hard a model thinks before it answers. `none`, not at all, is ours. */
export const EffortLevel = Schema.Literals(["none", "low", "medium", "high", "xhigh", "max"])
export type EffortLevel = typeof EffortLevel.Type

export const Effort = Schema.Struct({ type: EffortLevel })
export type Effort = typeof Effort.Type

/** An id names its provider: `@cf/...`, `<provider>/<model>`, or `demo`. The fallbacks are ours: they are asked in order when a model fails. */
export const ModelConfig = Schema.Struct({
  id: Schema.NonEmptyString,
  /** Absent where the model thinks as it usually does. */
  effort: Schema.optionalKey(Effort),
  fallbacks: Schema.optionalKey(Schema.Array(Schema.NonEmptyString))
})
export type ModelConfig = typeof ModelConfig.Type

/** One version of an agent, as the wire API shows it. A version never changes; an update makes the next one. */
export const Agent = Schema.Struct({
  type: Schema.Literal("agent"),
  id: AgentId,
  version: Schema.Int,
  name: Name,
  description: Schema.NullOr(Schema.String),
  model: ModelConfig,
  system: Schema.NullOr(Schema.String),
  tools: Schema.Array(AgentTool),
  mcp_servers: Schema.Array(Schema.Never),
  skills: Schema.Array(Schema.Never),
  multiagent: Schema.Null,
  /** Ours: policies that narrow what the environment lets through. */
  policy_ids: Schema.optionalKey(Schema.Array(PolicyId)),
  execution_identity: Schema.Struct({ type: Schema.Literal("service_account") }),
  metadata: Metadata,
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type Agent = typeof Agent.Type

/** The agent as a session froze it when it was created. */
export const SessionAgent = Schema.Struct(
  Struct.omit(Agent.fields, ["metadata", "created_at", "updated_at", "archived_at"])
)
export type SessionAgent = typeof SessionAgent.Type
