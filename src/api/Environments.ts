import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { Name } from "../domain/Common.ts"
import { Backend, CloudConfig, Environment } from "../domain/Environment.ts"
import { EnvironmentId } from "../domain/Ids.ts"
import { parsePattern } from "../egress/pattern.ts"
import { Authorization } from "./Auth.ts"
import { wire } from "./Errors.ts"
import { MetadataInput, MetadataPatch, nullable, refused, unsupported } from "./Fields.ts"
import * as Paging from "./Paging.ts"
import { PolicyIds } from "./Policies.ts"

const Host = Schema.String.check(
  Schema.makeFilter((entry) =>
    parsePattern(entry) === undefined
      ? "is not a host: write example.com, *.example.com or example.com:8080, without scheme and path"
      : true
  )
)

const NetworkingInput = Schema.Union([
  Schema.Struct({ type: Schema.Literal("unrestricted") }),
  Schema.Struct({
    type: Schema.Literal("limited"),
    allowed_hosts: nullable(Schema.Array(Host).check(Schema.isMaxLength(1_000))),
    allow_package_managers: nullable(Schema.Boolean),
    allow_mcp_servers: nullable(Schema.Boolean)
  })
]).annotate({ message: "expected the type unrestricted or limited" })

const packageManagers = ["apt", "cargo", "gem", "go", "npm", "pip"] as const

const perManager = <S extends Schema.Constraint>(schema: S) =>
  Object.fromEntries(packageManagers.map((name) => [name, schema])) as Record<(typeof packageManagers)[number], S> // One entry for each name.

const ConfigInput = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("cloud"),
    backend: nullable(Backend),
    networking: nullable(NetworkingInput),
    policy_ids: nullable(PolicyIds),
    snapshots: nullable(Schema.Struct({ include_ignored: Schema.Boolean })),
    packages: nullable(
      Schema.Struct(perManager(unsupported("is not supported: the isolate backend has no package manager")))
    )
  }),
  refused("self_hosted")
]).annotate({ message: "expected the type cloud" })
export type ConfigInput = typeof ConfigInput.Type

const optional = {
  description: nullable(Schema.String.check(Schema.isMaxLength(10_000))),
  config: nullable(ConfigInput),
  scope: nullable(Schema.Literal("organization"))
}

export const CreateEnvironment = Schema.Struct({ name: Name, ...optional, metadata: nullable(MetadataInput) })

/** Absent fields stay as they are, within `config` too; a description of null is cleared. */
export const UpdateEnvironment = Schema.Struct({ name: nullable(Name), ...optional, metadata: nullable(MetadataPatch) })

/** With `packages`, which clients expect. */
export const EnvironmentResponse = Schema.Struct({
  ...Environment.fields,
  config: Schema.Struct({
    ...CloudConfig.fields,
    packages: Schema.Struct({
      type: Schema.Literal("packages"),
      ...perManager(Schema.Array(Schema.Never))
    })
  })
})

export const responseOf = (environment: Environment): typeof EnvironmentResponse.Type => ({
  ...environment,
  config: { ...environment.config, packages: noPackages }
})

const noPackages = { type: "packages", apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] } as const

const params = { id: EnvironmentId }

export class EnvironmentsGroup extends HttpApiGroup.make("environments")
  .add(
    HttpApiEndpoint.post("create", "/v1/environments", {
      payload: CreateEnvironment,
      success: EnvironmentResponse,
      error: [wire.InvalidRequest, wire.Conflict]
    }),
    HttpApiEndpoint.get("list", "/v1/environments", {
      query: { ...Paging.query(), include_archived: Schema.optionalKey(Schema.Boolean) },
      success: Paging.response(EnvironmentResponse),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/environments/:id", { params, success: EnvironmentResponse, error: wire.NotFound }),
    HttpApiEndpoint.post("update", "/v1/environments/:id", {
      params,
      payload: UpdateEnvironment,
      success: EnvironmentResponse,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }),
    HttpApiEndpoint.delete("delete", "/v1/environments/:id", {
      params,
      success: Schema.Struct({ id: EnvironmentId, type: Schema.Literal("environment_deleted") }),
      error: wire.NotFound
    }),
    HttpApiEndpoint.post("archive", "/v1/environments/:id/archive", {
      params,
      success: EnvironmentResponse,
      error: [wire.NotFound, wire.Conflict]
    })
  )
  .middleware(Authorization) {}
