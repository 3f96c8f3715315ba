import * as Effect from "effect/Effect"
import { noPayload } from "./body.ts"
import { bodyHeaders, credentialHeaders } from "./headers.ts"
import { failed, type Hop, type Refusal } from "./hop.ts"

/** Redirects that are followed for one request. */
export const maxRedirects = 10

const statuses = new Set([301, 302, 303, 307, 308])

/** Where an answer redirects to; null where it does not. */
export const locationOf = ({ headers, status }: Response): string | null =>
  statuses.has(status) ? headers.get("location") : null

/** As `fetch` does it: which redirects turn into a GET, and what stays behind at another origin. */
export const nextHop = (hop: Hop, status: number, location: string): Effect.Effect<Hop, Refusal> => {
  const url = URL.parse(location, hop.url)
  if (url === null) return failed(hop.url, "the upstream redirects to something that is no URL")
  const becomesGet =
    status === 303 ? hop.method !== "GET" && hop.method !== "HEAD" : status < 303 && hop.method === "POST"
  const payload = becomesGet ? noPayload : hop.payload.again()
  if (payload === undefined) return failed(hop.url, "the upstream redirects a request whose body was too long to keep")
  const headers = new Headers(hop.headers)
  if (becomesGet) for (const name of bodyHeaders) headers.delete(name)
  if (url.origin !== hop.url.origin) for (const name of credentialHeaders) headers.delete(name)
  const length = becomesGet ? 0 : hop.length
  return Effect.succeed({ ...hop, method: becomesGet ? "GET" : hop.method, url, headers, payload, length })
}
