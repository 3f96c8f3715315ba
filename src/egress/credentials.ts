import * as Redacted from "effect/Redacted"
import type { Attachment, Verdict } from "../EgressPolicy.ts"
import type { Payload } from "./body.ts"
import { isWebSocketUpgrade, partHeaders } from "./headers.ts"
import { replaceInBody, replaceInHeaders } from "./placeholders.ts"
import { blockedBy } from "./verdict.ts"

/** What of a request the credentials go into. */
interface Bare {
  readonly headers: Headers
  readonly payload: Pick<Payload, "content">
}

/** A request's headers and body with its credentials in them, and which credentials those are: of a body, as far as it went out. */
export const withCredentials = async (bare: Bare, { headers: added, names, placeholders }: Attachment) => {
  const headers = new Headers(bare.headers)
  const inHeaders = replaceInHeaders(headers, placeholders)
  for (const [name, value] of Object.entries(added)) headers.set(name, Redacted.value(value))
  // Of an answer in parts, each might hold too little of a secret to be known for one.
  if (names.length + placeholders.length > 0) for (const name of partHeaders) headers.delete(name)
  const body = await replaceInBody(bare.payload.content, headers.get("content-type"), placeholders)
  return { headers, body: body.content, names: () => [...new Set([...names, ...inHeaders, ...body.used()])] }
}

/** What comes over a WebSocket cannot be cleaned of secrets: none goes out over one. */
export const closedToWebSockets = ({ headers }: { readonly headers: Headers }, verdict: Verdict): Verdict => {
  if (verdict.outcome === "blocked" || !isWebSocketUpgrade(headers)) return verdict
  const { names, placeholders } = verdict.attachment
  return names.length + placeholders.length === 0
    ? verdict
    : blockedBy(verdict, "a credential is bound to this host, and none goes out over a WebSocket")
}

/** What the audit says of a request with these credentials. */
export const outcomeOf = (verdict: Verdict, names: ReadonlyArray<string>) => {
  const { outcome, reason } = verdict
  if (outcome === "blocked") return { outcome, reason }
  return names.length === 0
    ? { outcome: "allowed" as const, reason }
    : { outcome: "injected" as const, reason: `${reason}, with ${names.join(" and ")}` }
}
