import * as Schema from "effect/Schema"
import { EnvironmentId, PolicyId } from "./Ids.ts"
import { Metadata, Name, Timestamp } from "./Common.ts"

/** Which sandbox a session gets. Never guessed: an unknown one is an error. */
export const Backend = Schema.Literals(["isolate", "microvm"])
export type Backend = typeof Backend.Type

/**
 * What a session may reach. `limited` allows the hosts listed (`example.com`, `*.example.com`, `example.com:8080`) over http and https;
 * `unrestricted` allows every public host. Private, loopback and link-local addresses must be named in `allowed_hosts`.
 */
export const Networking = Schema.Union([
  Schema.Struct({ type: Schema.Literal("unrestricted") }),
  Schema.Struct({
    type: Schema.Literal("limited"),
    allowed_hosts: Schema.Array(Schema.NonEmptyString),
    allow_package_managers: Schema.Boolean,
    allow_mcp_servers: Schema.Boolean
  })
])
export type Networking = typeof Networking.Type

/** An environment without networking reaches nothing. */
export const noNetworking: Networking = {
  type: "limited",
  allowed_hosts: [],
  allow_package_managers: false,
  allow_mcp_servers: false
}

export const CloudConfig = Schema.Struct({
  type: Schema.Literal("cloud"),
  backend: Backend,
  networking: Networking,
  /** Ours, of the backend microvm: whether what git ignores is saved too. It is where this is absent. */
  snapshots: Schema.optionalKey(Schema.Struct({ include_ignored: Schema.Boolean })),
  /** Ours: policies that decide beside `networking`, as one set of rules. */
  policy_ids: Schema.optionalKey(Schema.Array(PolicyId))
})
export type CloudConfig = typeof CloudConfig.Type

export const Environment = Schema.Struct({
  type: Schema.Literal("environment"),
  id: EnvironmentId,
  name: Name,
  description: Schema.NullOr(Schema.String),
  config: CloudConfig,
  metadata: Metadata,
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type Environment = typeof Environment.Type
