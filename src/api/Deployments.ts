import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { BudgetInput } from "../domain/Budget.ts"
import { Name, Timestamp } from "../domain/Common.ts"
import {
  CatchUpPolicy,
  Deployment,
  DeploymentRun,
  DeploymentStatus,
  OverlapPolicy,
  Schedule
} from "../domain/Deployment.ts"
import { DeploymentId, DeploymentRunId } from "../domain/Ids.ts"
import { OutputConfigInput } from "../model/OutputConfigInput.ts"
import * as CronSchedule from "../triggers/CronSchedule.ts"
import { maxLength, VaultIds } from "../triggers/TaskMessage.ts"
import { Authorization } from "./Auth.ts"
import { NeededScope } from "./Caller.ts"
import { wire } from "./Errors.ts"
import { UserMessageInput } from "./Events.ts"
import { MetadataInput, MetadataPatch, nullable, refused, unsupported } from "./Fields.ts"
import * as Paging from "./Paging.ts"

const AgentInput = Schema.Union([
  Schema.String,
  Schema.Struct({ type: Schema.Literal("agent"), id: Schema.String, version: nullable(Schema.Int) })
]).annotate({ message: "expected an id, or an object of type agent" })

const InitialEvents = Schema.NonEmptyArray(
  Schema.Union([UserMessageInput, refused("user.define_outcome"), refused("system.message")]).annotate({
    message: "expected the type user.message"
  })
).check(
  Schema.isMaxLength(50),
  Schema.makeFilter((events) =>
    JSON.stringify(events).length <= maxLength ? true : `is longer than ${maxLength} characters`
  )
)

/** What is absent is as it is without our fields in the wire API, but for runs that overlap: they are skipped. */
const ScheduleInput = Schema.Struct({
  type: Schema.Literal("cron"),
  expression: Schema.String.check(Schema.isMaxLength(256)),
  timezone: Schema.String.check(Schema.isMaxLength(64)),
  overlap_policy: nullable(OverlapPolicy),
  catch_up_policy: nullable(CatchUpPolicy),
  jitter_seconds: nullable(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3_600 })))
}).check(
  Schema.makeFilter(({ expression, timezone }) =>
    Result.match(CronSchedule.parse(expression, timezone), {
      onSuccess: ({ next }) => (next(0) === null ? { path: ["expression"], issue: "never comes" } : true),
      onFailure: ({ field, reason }) => ({ path: [field], issue: reason })
    })
  )
)
export type ScheduleInput = typeof ScheduleInput.Type

const Description = Schema.String.check(Schema.isMaxLength(2_048))

export const CreateDeployment = Schema.Struct({
  name: Name,
  description: nullable(Description),
  agent: AgentInput,
  environment_id: Schema.String,
  initial_events: InitialEvents,
  metadata: nullable(MetadataInput),
  resources: unsupported(),
  vault_ids: nullable(VaultIds),
  budget: nullable(BudgetInput),
  output_config: nullable(OutputConfigInput),
  schedule: nullable(ScheduleInput)
})

/** Absent fields stay as they are. A description, budget, form or schedule of null is cleared, and vaults are. */
export const UpdateDeployment = Schema.Struct({
  name: Schema.optionalKey(Name),
  description: nullable(Description),
  agent: Schema.optionalKey(AgentInput),
  environment_id: Schema.optionalKey(Schema.String),
  initial_events: Schema.optionalKey(InitialEvents),
  metadata: nullable(MetadataPatch),
  resources: unsupported(),
  vault_ids: nullable(VaultIds),
  budget: nullable(BudgetInput),
  output_config: nullable(OutputConfigInput),
  schedule: nullable(ScheduleInput)
})

/** With what its schedule has done and will do: up to five times, without jitter; none where it is archived. */
export const DeploymentView = Schema.Struct({
  ...Deployment.fields,
  schedule: Schema.NullOr(
    Schema.Struct({
      ...Schedule.fields,
      last_run_at: Schema.NullOr(Timestamp),
      upcoming_runs_at: Schema.Array(Timestamp)
    })
  )
})
export type DeploymentView = typeof DeploymentView.Type

const params = { id: DeploymentId }

const changed = { params, success: DeploymentView, error: [wire.NotFound, wire.Conflict] } as const

const rejected = [wire.InvalidRequest, wire.NotFound, wire.Conflict] as const

const { "created_at[gte]": gte, "created_at[lte]": lte } = Paging.createdAt

const notBoth = Schema.makeFilter(
  ({ include_archived, status }: { readonly include_archived?: boolean; readonly status?: DeploymentStatus }) =>
    include_archived === true && status !== undefined
      ? { path: ["status"], issue: "cannot be combined with include_archived" }
      : true
)

export class DeploymentsGroup extends HttpApiGroup.make("deployments")
  .add(
    HttpApiEndpoint.post("create", "/v1/deployments", {
      payload: CreateDeployment,
      success: DeploymentView,
      error: rejected
    }),
    HttpApiEndpoint.get("list", "/v1/deployments", {
      query: Schema.Struct({
        ...Paging.query(),
        agent_id: Schema.optionalKey(Schema.String),
        status: Schema.optionalKey(DeploymentStatus),
        include_archived: Schema.optionalKey(Schema.Boolean),
        "created_at[gte]": gte,
        "created_at[lte]": lte
      }).check(notBoth),
      success: Paging.response(DeploymentView),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/deployments/:id", { params, success: DeploymentView, error: wire.NotFound }),
    HttpApiEndpoint.post("update", "/v1/deployments/:id", {
      params,
      payload: UpdateDeployment,
      success: DeploymentView,
      error: rejected
    }),
    HttpApiEndpoint.post("pause", "/v1/deployments/:id/pause", changed),
    HttpApiEndpoint.post("unpause", "/v1/deployments/:id/unpause", changed),
    HttpApiEndpoint.post("archive", "/v1/deployments/:id/archive", changed),
    HttpApiEndpoint.post("run", "/v1/deployments/:id/run", {
      params,
      success: DeploymentRun,
      error: [wire.NotFound, wire.Conflict]
    }).annotate(NeededScope, "run"),

    HttpApiEndpoint.get("runs", "/v1/deployment_runs", {
      query: {
        ...Paging.query(),
        deployment_id: Schema.optionalKey(Schema.String),
        trigger_type: Schema.optionalKey(Schema.Literals(["schedule", "manual"])),
        has_error: Schema.optionalKey(Schema.Boolean),
        ...Paging.createdAt
      },
      success: Paging.response(DeploymentRun),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("getRun", "/v1/deployment_runs/:id", {
      params: { id: DeploymentRunId },
      success: DeploymentRun,
      error: wire.NotFound
    })
  )
  .middleware(Authorization) {}
