import * as Schema from "effect/Schema"
import { Metadata, Timestamp } from "./Common.ts"
import { CredentialId, VaultId } from "./Ids.ts"

export const Vault = Schema.Struct({
  type: Schema.Literal("vault"),
  id: VaultId,
  display_name: Schema.String,
  metadata: Metadata,
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type Vault = typeof Vault.Type

/** Hosts that a credential may be given to: `example.com`, `*.example.com`, `example.com:8443`. */
const Limited = Schema.Struct({ type: Schema.Literal("limited"), allowed_hosts: Schema.Array(Schema.String) })

/** `unrestricted`: every host that the session's egress policy lets it reach. */
export const CredentialNetworking = Schema.Union([Schema.Struct({ type: Schema.Literal("unrestricted") }), Limited])
export type CredentialNetworking = typeof CredentialNetworking.Type

/** Ours: narrows a credential to these methods, and to these paths (`/v1/items`, or all below one: `/v1/items/*`). Absent: all. */
const scope = {
  methods: Schema.optionalKey(Schema.Array(Schema.String)),
  paths: Schema.optionalKey(Schema.Array(Schema.String))
}

const TokenEndpointAuth = Schema.Struct({
  type: Schema.Literals(["none", "client_secret_basic", "client_secret_post"])
})

const StaticBearer = Schema.Struct({ type: Schema.Literal("static_bearer"), mcp_server_url: Schema.String })

/** An access token for one server, and what it takes to get the next. */
const McpOauth = Schema.Struct({
  type: Schema.Literal("mcp_oauth"),
  mcp_server_url: Schema.String,
  expires_at: Schema.NullOr(Timestamp),
  refresh: Schema.NullOr(
    Schema.Struct({
      client_id: Schema.String,
      token_endpoint: Schema.String,
      token_endpoint_auth: TokenEndpointAuth,
      resource: Schema.NullOr(Schema.String),
      scope: Schema.NullOr(Schema.String)
    })
  )
})

export type McpOauth = typeof McpOauth.Type

/** The sandbox holds a placeholder in the variable `secret_name`; the gateway puts the value in its place. */
const EnvironmentVariable = Schema.Struct({
  type: Schema.Literal("environment_variable"),
  secret_name: Schema.String,
  networking: CredentialNetworking,
  injection_location: Schema.Struct({ header: Schema.Boolean, body: Schema.Boolean }),
  ...scope
})

/** Ours: the gateway sets a header; nothing of it is in the sandbox. `username` is that of `basic`. */
const HttpHeader = Schema.Struct({
  type: Schema.Literal("http_header"),
  header_name: Schema.String,
  scheme: Schema.Literals(["none", "bearer", "basic"]),
  username: Schema.NullOr(Schema.String),
  networking: Limited,
  ...scope
})

/** What a credential is for, without anything secret. */
export const CredentialAuth = Schema.Union([StaticBearer, McpOauth, EnvironmentVariable, HttpHeader])
export type CredentialAuth = typeof CredentialAuth.Type

export const Credential = Schema.Struct({
  type: Schema.Literal("vault_credential"),
  id: CredentialId,
  vault_id: VaultId,
  display_name: Schema.NullOr(Schema.String),
  metadata: Metadata,
  auth: CredentialAuth,
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type Credential = typeof Credential.Type

/** A value of a credential that is kept encrypted, by its name in the wire API. */
export type SecretField = "token" | "access_token" | "refresh_token" | "client_secret" | "secret_value"

/** The value that is sent to the hosts a credential is for. */
export const sentField = ({ type }: CredentialAuth): SecretField => {
  switch (type) {
    case "static_bearer":
      return "token"
    case "mcp_oauth":
      return "access_token"
    case "environment_variable":
    case "http_header":
      return "secret_value"
  }
}

/** What no two credentials of a vault may share: the server, or the variable, that they are for. */
export const identityOf = (auth: CredentialAuth): { readonly field: string; readonly value: string } | undefined => {
  switch (auth.type) {
    case "static_bearer":
    case "mcp_oauth":
      return { field: "auth.mcp_server_url", value: auth.mcp_server_url }
    case "environment_variable":
      return { field: "auth.secret_name", value: auth.secret_name }
    case "http_header":
      return undefined
  }
}
