import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { Name } from "../domain/Common.ts"
import { PolicyId } from "../domain/Ids.ts"
import { Policy, PolicyLimits, PolicyRule } from "../domain/Policy.ts"
import { Authorization } from "./Auth.ts"
import { wire } from "./Errors.ts"
import { MetadataInput, MetadataPatch, nullable } from "./Fields.ts"
import * as Paging from "./Paging.ts"

/** Deciding looks through all rules of a host. */
const Rules = Schema.Array(PolicyRule).check(Schema.isMaxLength(1_000))

export const PolicyContent = Schema.Struct({ rules: Rules, limits: nullable(PolicyLimits) })

const optional = {
  description: nullable(Schema.String.check(Schema.isMaxLength(10_000))),
  /** Who saves it; the caller, where nobody is named. */
  author: nullable(Name),
  limits: nullable(PolicyLimits)
}

export const CreatePolicy = Schema.Struct({ name: Name, rules: Rules, ...optional, metadata: nullable(MetadataInput) })

/** Absent fields stay as they are; rules and limits are replaced as a whole. */
export const UpdatePolicy = Schema.Struct({
  name: Schema.optionalKey(Name),
  rules: Schema.optionalKey(Rules),
  ...optional,
  metadata: nullable(MetadataPatch),
  /** The version that the client has seen: another one in the meantime is a conflict. */
  version: nullable(Schema.String)
})

/** What `policy_ids` of environments and agents may hold. */
export const PolicyIds = Schema.Array(PolicyId).check(
  Schema.isMaxLength(20),
  Schema.makeFilter((ids: ReadonlyArray<string>) => new Set(ids).size === ids.length || "names a policy twice")
)

const params = { id: PolicyId }

export class PoliciesGroup extends HttpApiGroup.make("policies")
  .add(
    HttpApiEndpoint.post("create", "/v1/policies", {
      payload: CreatePolicy,
      success: Policy,
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("list", "/v1/policies", {
      query: { ...Paging.query(), include_archived: Schema.optionalKey(Schema.Boolean) },
      success: Paging.response(Policy),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/policies/:id", {
      params,
      query: { version: Schema.optionalKey(Schema.String) },
      success: Policy,
      error: wire.NotFound
    }),
    HttpApiEndpoint.post("update", "/v1/policies/:id", {
      params,
      payload: UpdatePolicy,
      success: Policy,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }),
    HttpApiEndpoint.post("archive", "/v1/policies/:id/archive", { params, success: Policy, error: wire.NotFound }),
    HttpApiEndpoint.get("versions", "/v1/policies/:id/versions", {
      params,
      query: Paging.query(),
      success: Paging.response(Policy),
      error: [wire.InvalidRequest, wire.NotFound]
    })
  )
  // A field that is misspelled would leave a rule wider than was meant.
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error" })
  .middleware(Authorization) {}
