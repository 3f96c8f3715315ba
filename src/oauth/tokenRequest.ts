import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import type { McpOauth, SecretField } from "../domain/Vault.ts"
import { canonicalHost, specialKind } from "../egress/address.ts"
import { minSecretLength } from "../egress/scrub.ts"

/** How a client asks an OAuth token endpoint for a new access token (RFC 6749, section 6), and what it is answered. */

export type Refresh = NonNullable<McpOauth["refresh"]>
export type Opened = { readonly [Field in SecretField]?: Redacted.Redacted }

/** Why a token endpoint is not asked; null where it is: it is public, or where the server is that the token is for. */
export const refuse = ({ mcp_server_url }: McpOauth, { token_endpoint }: Refresh): string | null => {
  const [endpoint, server] = [new URL(token_endpoint), new URL(mcp_server_url)]
  if (endpoint.protocol !== "https:") return "its token endpoint is not https"
  if (endpoint.host === server.host) return null
  const host = canonicalHost(endpoint.hostname)
  const kind = host === undefined ? "nameless" : specialKind(host)
  return kind === undefined ? null : `its token endpoint has a ${kind} address, where the server of the token is not`
}

export const tokenRequest = (refresh: Refresh, { client_secret, refresh_token }: Opened) => {
  const { client_id, resource, scope, token_endpoint, token_endpoint_auth } = refresh
  const secret = client_secret === undefined ? "" : Redacted.value(client_secret)
  const { type } = token_endpoint_auth
  const form = {
    grant_type: "refresh_token",
    refresh_token: refresh_token === undefined ? "" : Redacted.value(refresh_token),
    ...(type === "client_secret_basic" ? {} : { client_id }),
    ...(type === "client_secret_post" ? { client_secret: secret } : {}),
    ...(scope === null ? {} : { scope }),
    ...(resource === null ? {} : { resource })
  }
  const request = HttpClientRequest.post(token_endpoint, { acceptJson: true }).pipe(
    HttpClientRequest.bodyUrlParams(form)
  )
  if (type !== "client_secret_basic") return request
  // Both are encoded as in a form before they are put together (section 2.3.1).
  const credential = Base64.encode(`${encodeURIComponent(client_id)}:${encodeURIComponent(secret)}`)
  return HttpClientRequest.setHeader(request, "authorization", `Basic ${credential}`)
}

const Token = Schema.String.check(Schema.isMinLength(minSecretLength), Schema.isMaxLength(16_384))

const decodeAnswer = Schema.decodeUnknownResult(
  Schema.fromJsonString(
    Schema.Struct({
      access_token: Token.check(Schema.isPattern(/^[\x21-\x7e]+$/)),
      token_type: Schema.optionalKey(Schema.String),
      expires_in: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.Finite, Schema.FiniteFromString]))),
      refresh_token: Schema.optionalKey(Schema.NullOr(Token))
    })
  )
)
const decodeError = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Struct({ error: Schema.String })))

export interface Tokens {
  readonly access_token: Redacted.Redacted
  /** Null where the one that was sent stays good. */
  readonly refresh_token: Redacted.Redacted | null
  /** Seconds from now; null where the answer does not say. */
  readonly expires_in: number | null
}

/** What the endpoint gives, or why it gives nothing: never a word of its answer but the error's code. */
export const readAnswer = (status: number, text: string): Result.Result<Tokens, string> => {
  if (carriesAnthropicKey(text)) return Result.fail("its token endpoint answered with an Anthropic API key")
  const answer = decodeAnswer(text)
  if (status === 200 && Result.isSuccess(answer)) {
    const { access_token, expires_in = null, refresh_token = null, token_type = "bearer" } = answer.success
    if (token_type.toLowerCase() !== "bearer") return Result.fail("its token endpoint gave a token of another type")
    return Result.succeed({
      access_token: Redacted.make(access_token),
      refresh_token: refresh_token === null ? null : Redacted.make(refresh_token),
      expires_in
    })
  }
  if (status >= 300 && status < 400) return Result.fail(`its token endpoint redirects (${status})`)
  const code = Result.getOrElse(decodeError(text), () => ({ error: "" })).error
  const named = /^[\w-]{1,64}$/.test(code) ? ` ${code}` : ""
  return Result.fail(`its token endpoint answered ${status}${named || (status === 200 ? ", without a token" : "")}`)
}
