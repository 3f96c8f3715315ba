import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { scrubber } from "./scrub.ts"

/** Statuses whose responses have no body. */
const bodiless = new Set([101, 204, 205, 304])

/** A response without the secrets: in its status line, its headers and, as it passes, its body. A WebSocket stays as it is. */
export const scrubbed = (response: Response, secrets: ReadonlyArray<Redacted.Redacted>): Response => {
  const scrub = scrubber(secrets.map(Redacted.value))
  if (scrub.isIdle) return response
  const headers = new Headers()
  for (const [name, value] of response.headers) {
    // The body is read here as what it decodes to, and may become longer or shorter.
    if (name !== "content-encoding" && name !== "content-length") headers.append(scrub.text(name), scrub.text(value))
  }
  const { body, status } = response
  const init = {
    status,
    statusText: scrub.text(response.statusText),
    headers,
    ...(Predicate.hasProperty(response, "webSocket") ? { webSocket: response.webSocket } : {})
  }
  return new Response(body === null || bodiless.has(status) ? null : scrub.stream(body), init)
}
