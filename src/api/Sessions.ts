import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { BudgetInput } from "../domain/Budget.ts"
import { AgentId, DeploymentId, SessionId } from "../domain/Ids.ts"
import { Session, SessionStatus } from "../domain/Session.ts"
import { OutputConfigInput } from "../model/OutputConfigInput.ts"
import { VaultIds } from "../triggers/TaskMessage.ts"
import { ModelInput, System } from "./Agents.ts"
import { ToolsInput } from "./AgentTools.ts"
import { Authorization } from "./Auth.ts"
import { NeededScope } from "./Caller.ts"
import { wire } from "./Errors.ts"
import { traced, UserMessageInput } from "./Events.ts"
import { MetadataInput, MetadataPatch, nullable, refused, unsupported, unsupportedFilter } from "./Fields.ts"
import * as Paging from "./Paging.ts"
import { SnapshotReference } from "./Snapshots.ts"

const reference = { id: Schema.String, version: nullable(Schema.Int) }

/** A field of the overrides that is absent is the agent's own; null or an empty list clears it. */
const AgentInput = Schema.Union([
  Schema.String,
  Schema.Struct({ type: Schema.Literal("agent"), ...reference }),
  Schema.Struct({
    type: Schema.Literal("agent_with_overrides"),
    ...reference,
    model: nullable(ModelInput),
    system: nullable(System),
    tools: nullable(ToolsInput),
    mcp_servers: unsupported(),
    skills: unsupported()
  })
]).annotate({ message: "expected an id, or an object of type agent or agent_with_overrides" })
export type AgentInput = typeof AgentInput.Type

const InitialEvent = Schema.Union([UserMessageInput, refused("user.define_outcome")]).annotate({
  message: "expected the type user.message"
})

const Title = Schema.String.check(Schema.isMaxLength(1_000))

export const CreateSession = Schema.Struct({
  agent: AgentInput,
  environment_id: Schema.String,
  title: nullable(Title),
  metadata: nullable(MetadataInput),
  initial_events: nullable(Schema.Array(InitialEvent).check(Schema.isMaxLength(50))),
  resources: unsupported(),
  vault_ids: nullable(VaultIds),
  budget: nullable(BudgetInput),
  output_config: nullable(OutputConfigInput),
  /** Ours: what the workspace begins with. */
  snapshot: nullable(SnapshotReference)
})

/** Absent fields stay as they are; a title of null is cleared. */
export const UpdateSession = Schema.Struct({
  title: nullable(Title),
  metadata: nullable(MetadataPatch),
  agent: unsupported(),
  vault_ids: unsupported("is fixed when a session is created"),
  budget: nullable(BudgetInput),
  output_config: unsupported("is fixed when a session is created")
})

const params = { id: SessionId }

const newestFirst = Schema.makeFilter((order: "asc" | "desc") => order === "desc" || "asc is not supported yet")

/** `name` and `name[]` are the same array: clients write either. */
const statuses = Schema.optionalKey(Schema.Array(SessionStatus))

export class SessionsGroup extends HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.post("create", "/v1/sessions", {
      headers: traced,
      payload: CreateSession,
      success: Session,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }).annotate(NeededScope, "run"),
    HttpApiEndpoint.get("list", "/v1/sessions", {
      query: {
        ...Paging.query(),
        order: Schema.optionalKey(Schema.Literals(["asc", "desc"]).check(newestFirst)),
        include_archived: Schema.optionalKey(Schema.Boolean),
        agent_id: Schema.optionalKey(AgentId),
        statuses,
        "statuses[]": statuses,
        agent_version: unsupportedFilter,
        deployment_id: Schema.optionalKey(DeploymentId),
        memory_store_id: unsupportedFilter,
        "created_at[gt]": unsupportedFilter,
        "created_at[gte]": unsupportedFilter,
        "created_at[lt]": unsupportedFilter,
        "created_at[lte]": unsupportedFilter
      },
      success: Schema.Struct({ ...Paging.response(Session).fields, prev_page: Schema.Null }),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/sessions/:id", { params, success: Session, error: wire.NotFound }),
    HttpApiEndpoint.post("update", "/v1/sessions/:id", {
      params,
      payload: UpdateSession,
      success: Session,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }).annotate(NeededScope, "run"),
    HttpApiEndpoint.delete("delete", "/v1/sessions/:id", {
      params,
      success: Schema.Struct({ id: SessionId, type: Schema.Literal("session_deleted") }),
      error: [wire.NotFound, wire.Conflict]
    }).annotate(NeededScope, "run"),
    HttpApiEndpoint.post("archive", "/v1/sessions/:id/archive", {
      params,
      success: Session,
      error: [wire.NotFound, wire.Conflict]
    }).annotate(NeededScope, "run")
  )
  .middleware(Authorization) {}
