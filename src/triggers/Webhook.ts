import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Mac from "effect/crypto/Mac"
import * as Base64 from "effect/encoding/Base64"
import { carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import { canonicalHost, specialKind } from "../egress/address.ts"
import { portOfScheme } from "../egress/decide.ts"
import { parsePattern } from "../egress/pattern.ts"

/**
 * Why nothing is sent to a URL; null where it may be. Only https to a public host passes, as for sessions with unrestricted networking, and
 * whatever else `hosts` names.
 */
export const refuse = (text: string, hosts: ReadonlyArray<string>): string | null => {
  const url = URL.parse(text)
  if (url === null) return "is not a URL"
  if (carriesAnthropicKey(text)) return "holds an Anthropic API key"
  if (url.username !== "" || url.password !== "") return "must not hold a user name or password"
  const port = portOfScheme(url.protocol)
  if (port === undefined) return "must be https"
  const host = canonicalHost(url.hostname)
  if (host === undefined) return "names no host"
  const isNamed = hosts.some((entry) => {
    const named = parsePattern(entry)
    return named?.key === host && (named.port ?? port) === (url.port === "" ? port : Number(url.port))
  })
  if (isNamed) return null
  const kind = specialKind(host)
  if (kind !== undefined) return `is a ${kind} address, which OWNLOOP_WEBHOOK_HOSTS does not name`
  return url.protocol === "https:" ? null : "must be https"
}

const encode = (text: string) => new TextEncoder().encode(text)

/** The headers that prove where a body comes from (Standard Webhooks). `timestamp` is in seconds since the epoch. */
export const sign = Effect.fnUntraced(function* (
  key: Redacted.Redacted<Uint8Array>,
  message: { readonly id: string; readonly timestamp: number; readonly body: string }
) {
  const mac = yield* Mac.Mac
  const { id, timestamp, body } = message
  const hmac = yield* Mac.key(Mac.hmacSha256, Redacted.value(key))
  const signature = yield* mac.sign(hmac, encode(`${id}.${timestamp}.${body}`))
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${Base64.encode(signature)}`
  }
})
