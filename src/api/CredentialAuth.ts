import * as Schema from "effect/Schema"
import {
  HeaderName,
  HeaderSecret,
  HttpsUrl,
  Limited,
  Networking,
  scope,
  Secret,
  VariableName
} from "./CredentialFields.ts"
import { nullable, unsupported } from "./Fields.ts"

const Text = Schema.NonEmptyString.check(Schema.isMaxLength(2_048))
const Username = Text.check(Schema.makeFilter((name) => !/[:\p{Cc}]/u.test(name) || "holds what no user name may hold"))

const Timestamp = Schema.String.check(
  Schema.makeFilter((text) =>
    /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)) ? true : "expected an RFC 3339 timestamp"
  )
)

const Location = Schema.Struct({ header: nullable(Schema.Boolean), body: nullable(Schema.Boolean) })
const Scheme = Schema.Literals(["none", "bearer", "basic"])

/** How the token endpoint knows the client; `secret` is the field `client_secret`. */
const clientAuth = <S extends Schema.Constraint>(secret: S) =>
  [
    Schema.Struct({ type: Schema.Literal("client_secret_basic"), client_secret: secret }),
    Schema.Struct({ type: Schema.Literal("client_secret_post"), client_secret: secret })
  ] as const

const Refresh = Schema.Struct({
  client_id: Text,
  refresh_token: Secret,
  token_endpoint: HttpsUrl,
  token_endpoint_auth: Schema.Union([Schema.Struct({ type: Schema.Literal("none") }), ...clientAuth(Secret)]).annotate({
    message: "expected the type none, client_secret_basic or client_secret_post"
  }),
  resource: nullable(Text),
  scope: nullable(Text)
})

const types = { message: "expected the type static_bearer, mcp_oauth, environment_variable or http_header" }

export const AuthInput = Schema.Union([
  Schema.Struct({ type: Schema.Literal("static_bearer"), mcp_server_url: HttpsUrl, token: HeaderSecret }),
  Schema.Struct({
    type: Schema.Literal("mcp_oauth"),
    mcp_server_url: HttpsUrl,
    access_token: HeaderSecret,
    expires_at: nullable(Timestamp),
    refresh: nullable(Refresh)
  }),
  Schema.Struct({
    type: Schema.Literal("environment_variable"),
    secret_name: VariableName,
    secret_value: Secret,
    networking: Networking,
    injection_location: nullable(Location),
    ...scope
  }),
  Schema.Struct({
    type: Schema.Literal("http_header"),
    header_name: nullable(HeaderName),
    scheme: nullable(Scheme),
    username: nullable(Username),
    secret_value: HeaderSecret,
    networking: Limited,
    ...scope
  })
]).annotate(types)
export type AuthInput = typeof AuthInput.Type

const fixed = unsupported("cannot be changed: archive the credential and create another")

/** Absent fields stay as they are. */
export const AuthPatch = Schema.Union([
  Schema.Struct({ type: Schema.Literal("static_bearer"), mcp_server_url: fixed, token: nullable(HeaderSecret) }),
  Schema.Struct({
    type: Schema.Literal("mcp_oauth"),
    mcp_server_url: fixed,
    access_token: nullable(HeaderSecret),
    expires_at: nullable(Timestamp),
    refresh: nullable(
      Schema.Struct({
        client_id: fixed,
        token_endpoint: fixed,
        refresh_token: nullable(Secret),
        token_endpoint_auth: nullable(Schema.Union(clientAuth(nullable(Secret)))),
        // An empty one clears it.
        scope: nullable(Schema.String.check(Schema.isMaxLength(2_048)))
      })
    )
  }),
  Schema.Struct({
    type: Schema.Literal("environment_variable"),
    secret_name: fixed,
    secret_value: nullable(Secret),
    networking: nullable(Networking),
    injection_location: nullable(Location),
    ...scope
  }),
  Schema.Struct({
    type: Schema.Literal("http_header"),
    header_name: fixed,
    scheme: nullable(Scheme),
    username: nullable(Username),
    secret_value: nullable(HeaderSecret),
    networking: nullable(Limited),
    ...scope
  })
]).annotate(types)
export type AuthPatch = typeof AuthPatch.Type
