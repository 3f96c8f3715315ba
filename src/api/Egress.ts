import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { EgressDecision, EgressOutcome, EgressRule } from "../domain/Egress.ts"
import { AgentId, EnvironmentId, PolicyId, SessionId } from "../domain/Ids.ts"
import { PolicyLimits } from "../domain/Policy.ts"
import { Authorization } from "./Auth.ts"
import { NeededScope } from "./Caller.ts"
import { wire } from "./Errors.ts"
import { nullable } from "./Fields.ts"
import * as Paging from "./Paging.ts"
import { PolicyContent } from "./Policies.ts"

const decisionsQuery = {
  ...Paging.query(),
  session_id: Schema.optionalKey(SessionId),
  agent_id: Schema.optionalKey(AgentId),
  outcome: Schema.optionalKey(EgressOutcome),
  host: Schema.optionalKey(Schema.String),
  ...Paging.createdAt
}

/** A request, and what is to decide about it: one of `policy`, `policy_id` and `environment_id`. */
export const EgressTest = Schema.Struct({
  request: Schema.Struct({
    method: nullable(Schema.NonEmptyString),
    url: Schema.String.check(Schema.makeFilter((url) => URL.canParse(url) || "is not a URL"))
  }),
  /** One that is not stored. */
  policy: nullable(PolicyContent),
  /** A stored one: its newest version, or `version`. */
  policy_id: nullable(PolicyId),
  version: nullable(Schema.String),
  /** All that decides in sessions of the environment, and of the agent where it is given. */
  environment_id: nullable(EnvironmentId),
  agent_id: nullable(AgentId)
}).check(
  Schema.makeFilter(({ policy, policy_id, version, environment_id, agent_id }) => {
    const subjects = [policy, policy_id, environment_id].filter((subject) => subject !== undefined && subject !== null)
    if (subjects.length !== 1) return "give one of policy, policy_id and environment_id"
    if (version && !policy_id) return { path: ["version"], issue: "goes with policy_id only" }
    if (agent_id && !environment_id) return { path: ["agent_id"], issue: "goes with environment_id only" }
    return true
  })
)

/** What would become of the request. Nothing was sent, and nothing recorded; credentials are not looked at. */
export const EgressTestResult = Schema.Struct({
  type: Schema.Literal("egress_test_result"),
  outcome: Schema.Literals(["allowed", "blocked", "ask"]),
  reason: Schema.String,
  ...EgressRule.fields,
  via: Schema.NullOr(Schema.Literals(["proxy", "binding"])),
  /** In force for the request. */
  limits: PolicyLimits
})

export class EgressGroup extends HttpApiGroup.make("egress")
  .add(
    HttpApiEndpoint.get("decisions", "/v1/egress/decisions", {
      query: decisionsQuery,
      success: Paging.response(EgressDecision),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.post("test", "/v1/egress/test", {
      payload: EgressTest,
      success: EgressTestResult,
      error: [wire.InvalidRequest, wire.NotFound]
    }).annotate(NeededScope, "read")
  )
  // As policies are saved.
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error" })
  .middleware(Authorization) {}
