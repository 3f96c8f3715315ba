import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Struct from "effect/Struct"
import type { CredentialAuth, SecretField } from "../domain/Vault.ts"
import type { AuthInput, AuthPatch } from "./CredentialAuth.ts"
import { isHeaderValue } from "./CredentialFields.ts"

/** Values that came with a request: they go into the secret box, and nowhere else. */
export type Values = { readonly [Field in SecretField]?: Redacted.Redacted }

export interface Change {
  readonly auth: CredentialAuth
  readonly values: Values
}

/** What a new credential is, or what is wrong with it: the field first. */
export const created = (input: AuthInput): Result.Result<Change, string> => {
  switch (input.type) {
    case "static_bearer":
      return checked({ type: input.type, mcp_server_url: input.mcp_server_url }, { token: input.token })
    case "mcp_oauth": {
      const { type, mcp_server_url, access_token, expires_at = null, refresh = null } = input
      const auth = { type, mcp_server_url, expires_at }
      if (refresh === null) return checked({ ...auth, refresh: null }, { access_token })
      const { refresh_token, resource = null, scope = null, token_endpoint_auth: client, ...rest } = refresh
      return checked(
        { ...auth, refresh: { ...rest, resource, scope, token_endpoint_auth: { type: client.type } } },
        { access_token, refresh_token, ...(client.type === "none" ? {} : { client_secret: client.client_secret }) }
      )
    }
    case "environment_variable": {
      const { type, secret_name, secret_value, networking, injection_location } = input
      // A header is where a service expects a secret, and where it does not store it: the body is on demand.
      const location = { header: injection_location?.header ?? true, body: injection_location?.body ?? false }
      const auth = { type, secret_name, networking, injection_location: location, ...scoped(input, {}) }
      return checked(auth, { secret_value })
    }
    case "http_header": {
      const { type, header_name, scheme, username, secret_value, networking } = input
      const auth = {
        type,
        header_name: header_name ?? "Authorization",
        scheme: scheme ?? "none",
        username: username ?? null,
        networking,
        ...scoped(input, {})
      }
      return checked(auth, { secret_value })
    }
  }
}

/** What a credential becomes. */
export const patched = (auth: CredentialAuth, patch: AuthPatch): Result.Result<Change, string> => {
  if (auth.type === "static_bearer" && patch.type === auth.type) return checked(auth, given({ token: patch.token }))
  if (auth.type === "mcp_oauth" && patch.type === auth.type) return oauth(auth, patch)
  if (auth.type === "environment_variable" && patch.type === auth.type) {
    const { header, body } = auth.injection_location
    const to = patch.injection_location
    const next = {
      ...Struct.omit(auth, ["methods", "paths"]),
      networking: patch.networking ?? auth.networking,
      injection_location: { header: to?.header ?? header, body: to?.body ?? body },
      ...scoped(patch, auth)
    }
    return checked(next, given({ secret_value: patch.secret_value }))
  }
  if (auth.type === "http_header" && patch.type === auth.type) {
    const next = {
      ...Struct.omit(auth, ["methods", "paths"]),
      scheme: patch.scheme ?? auth.scheme,
      username: patch.username ?? auth.username,
      networking: patch.networking ?? auth.networking,
      ...scoped(patch, auth)
    }
    return checked(next, given({ secret_value: patch.secret_value }))
  }
  return Result.fail(`auth.type: the credential is of the type ${auth.type}, which cannot be changed`)
}

const oauth = (
  auth: Extract<CredentialAuth, { readonly type: "mcp_oauth" }>,
  patch: Extract<AuthPatch, { readonly type: "mcp_oauth" }>
): Result.Result<Change, string> => {
  const expires_at = patch.expires_at ?? auth.expires_at
  const { access_token, refresh } = patch
  if (!refresh) return checked({ ...auth, expires_at }, given({ access_token }))
  if (auth.refresh === null) return Result.fail("auth.refresh: the credential was made without one")
  const { refresh_token, scope, token_endpoint_auth } = refresh
  const client_secret = token_endpoint_auth?.client_secret
  if (client_secret && auth.refresh.token_endpoint_auth.type === "none") {
    return Result.fail("auth.refresh.token_endpoint_auth: the credential was made without a client secret")
  }
  // An empty scope clears it.
  const next = { ...auth.refresh, scope: scope === undefined || scope === null ? auth.refresh.scope : scope || null }
  return checked({ ...auth, expires_at, refresh: next }, given({ access_token, refresh_token, client_secret }))
}

/** The fields that narrow a credential: null lifts one, absent keeps it. */
const scoped = (
  input: {
    readonly methods?: ReadonlyArray<string> | null
    readonly paths?: ReadonlyArray<string> | null
  },
  before: { readonly methods?: ReadonlyArray<string>; readonly paths?: ReadonlyArray<string> }
) => {
  const methods = input.methods === undefined ? before.methods : input.methods
  const paths = input.paths === undefined ? before.paths : input.paths
  return { ...(methods ? { methods } : {}), ...(paths ? { paths } : {}) }
}

const given = (values: { readonly [Field in SecretField]?: Redacted.Redacted | null | undefined }): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined))

const checked = (auth: CredentialAuth, values: Values): Result.Result<Change, string> => {
  if (auth.type === "http_header" && (auth.scheme === "basic") !== (auth.username !== null)) {
    return Result.fail("auth.username: goes with the scheme basic, and with no other")
  }
  if (auth.type === "environment_variable") {
    const { header, body } = auth.injection_location
    if (!header && !body) return Result.fail("auth.injection_location: neither header nor body is left")
    if (header && values.secret_value !== undefined && !isHeaderValue(Redacted.value(values.secret_value))) {
      return Result.fail("auth.secret_value: holds what no header may hold; set injection_location.header to false")
    }
  }
  return Result.succeed({ auth, values })
}
