import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { Agent, Effort, EffortLevel, type ModelConfig } from "../domain/Agent.ts"
import { AgentUsage } from "../domain/AgentUsage.ts"
import { Name } from "../domain/Common.ts"
import { AgentId } from "../domain/Ids.ts"
import { levelsOf } from "../model/Profiles.ts"
import { ToolsInput } from "./AgentTools.ts"
import { Authorization } from "./Auth.ts"
import type { Deployment } from "./Deployment.ts"
import { InvalidRequest, wire } from "./Errors.ts"
import { MetadataInput, MetadataPatch, nullable, refused, unsupported, unsupportedFilter } from "./Fields.ts"
import * as Paging from "./Paging.ts"
import { PolicyIds } from "./Policies.ts"

const ModelName = Schema.NonEmptyString.check(Schema.isMaxLength(256))

export const ModelInput = Schema.Union([
  ModelName,
  Schema.Struct({
    id: ModelName,
    effort: nullable(Schema.Union([EffortLevel, Effort])),
    inference_geo: unsupported(),
    speed: nullable(Schema.Literal("standard")),
    fallbacks: nullable(Schema.Array(ModelName).check(Schema.isMaxLength(5)))
  })
])

/**
 * A name without a provider, such as one in an example written for the hosted API, means the deployment's default model. An `effort` that is
 * absent is the one that the agent has already; null is the model's own. `field` is where the model stands in the body.
 */
export const modelOf = Effect.fnUntraced(function* (
  input: typeof ModelInput.Type,
  { defaultModel }: Deployment["Service"],
  { agent, field = "model" }: { readonly agent?: Pick<Agent, "model">; readonly field?: string } = {}
): Effect.fn.Return<ModelConfig, InvalidRequest> {
  const named = (id: string) => (id.includes("/") || id === "demo" ? id : defaultModel)
  const given = typeof input === "string" ? { id: input } : input
  const id = named(given.id)
  const fallbacks = (given.fallbacks ?? []).map(named)
  const asked = given.effort === undefined ? agent?.model.effort : given.effort
  const level = typeof asked === "string" ? asked : asked?.type
  const levels = levelsOf(id)
  if (level !== undefined && !levels.includes(level)) {
    const known = levels.length === 0 ? "no level" : levels.join(", ")
    const message = `${field}.effort: ${id} does not know ${level}: it knows ${known}; null leaves it as it usually is`
    return yield* new InvalidRequest({ message })
  }
  return {
    id,
    ...(level === undefined ? {} : { effort: { type: level } }),
    ...(fallbacks.length === 0 ? {} : { fallbacks })
  }
})

export const System = Schema.String.check(Schema.isMaxLength(100_000))

const optional = {
  description: nullable(Schema.String.check(Schema.isMaxLength(10_000))),
  system: nullable(System),
  tools: nullable(ToolsInput),
  mcp_servers: unsupported(),
  skills: unsupported(),
  multiagent: unsupported(),
  policy_ids: nullable(PolicyIds),
  execution_identity: nullable(
    Schema.Union([Schema.Struct({ type: Schema.Literal("service_account") }), refused("aws_role")]).annotate({
      message: "expected the type service_account"
    })
  )
}

export const CreateAgent = Schema.Struct({
  name: Name,
  model: ModelInput,
  ...optional,
  metadata: nullable(MetadataInput)
})

/** Absent fields stay as they are; null clears. */
export const UpdateAgent = Schema.Struct({
  name: Schema.optionalKey(Name),
  model: Schema.optionalKey(ModelInput),
  ...optional,
  metadata: nullable(MetadataPatch),
  /** The version that the client has seen: another one in the meantime is a conflict. */
  version: nullable(Schema.Int)
})

const params = { id: AgentId }
const Version = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

export class AgentsGroup extends HttpApiGroup.make("agents")
  .add(
    HttpApiEndpoint.post("create", "/v1/agents", { payload: CreateAgent, success: Agent, error: wire.InvalidRequest }),
    HttpApiEndpoint.get("list", "/v1/agents", {
      query: {
        ...Paging.query(),
        include_archived: Schema.optionalKey(Schema.Boolean),
        "created_at[gte]": unsupportedFilter,
        "created_at[lte]": unsupportedFilter
      },
      success: Paging.response(Agent),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/agents/:id", {
      params,
      query: { version: Schema.optionalKey(Version) },
      success: Agent,
      error: wire.NotFound
    }),
    HttpApiEndpoint.post("update", "/v1/agents/:id", {
      params,
      payload: UpdateAgent,
      success: Agent,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }),
    HttpApiEndpoint.post("archive", "/v1/agents/:id/archive", { params, success: Agent, error: wire.NotFound }),
    HttpApiEndpoint.get("versions", "/v1/agents/:id/versions", {
      params,
      query: Paging.query(),
      success: Paging.response(Agent),
      error: [wire.InvalidRequest, wire.NotFound]
    }),
    HttpApiEndpoint.get("usage", "/v1/agents/:id/usage", { params, success: AgentUsage, error: wire.NotFound })
  )
  .middleware(Authorization) {}
