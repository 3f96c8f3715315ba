import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import { EgressPolicy, type Verdict } from "../EgressPolicy.ts"
import { nothingAttached } from "./attach.ts"
import { noPayload, streamed } from "./body.ts"
import { closedToWebSockets } from "./credentials.ts"
import { outgoing } from "./guard.ts"
import { forwardable, malformed, sizeOf } from "./headers.ts"
import type { Hop } from "./hop.ts"
import { blockedBy } from "./verdict.ts"

/** How a request leaves: `fetch`, which must not follow redirects where the request says `redirect: "manual"`. */
export type Send = (request: Request) => Promise<Response>

/** What a proxy makes of a request: another one, its answer, or nothing. */
export type Proxied = { readonly request: Request } | { readonly response: Response } | null

/** The ways that rules may name with `via`. */
export interface Ways {
  /** Runs the code on a request, which holds no credential. */
  proxy(
    code: string,
    request: {
      readonly url: URL
      readonly method: string
      readonly headers: Headers
      readonly body: ReadableStream<Uint8Array> | Uint8Array | null
    }
  ): Promise<Proxied>
  /** Undefined where the Worker has no such service. */
  binding(name: string): Send | undefined
}

type Passing = Exclude<Verdict, { readonly outcome: "blocked" }>

/** A request, what was decided about it, and how it leaves: where that is not said, as all do. */
interface Routed {
  readonly hop: Hop
  readonly verdict: Verdict
  readonly way?: Send
}

/** Takes a request the way that its rule names. Proxy code may put another request in its place, which is decided about as well. */
export const route = Effect.fnUntraced(function* (hop: Hop, verdict: Verdict, ways: Ways | undefined) {
  if (verdict.outcome === "blocked" || verdict.via === null) return { hop, verdict } satisfies Routed
  const { via } = verdict
  const name = `${verdict.rule.policy_id} ${verdict.rule.rule}`
  if (via.type === "binding") {
    const way = ways?.binding(via.binding)
    if (way !== undefined) return { hop, verdict, way } satisfies Routed
    const reason = `the Worker has no service bound as ${via.binding}, which ${name} names`
    return { hop, verdict: blockedBy(verdict, reason) } satisfies Routed
  }
  if (ways === undefined) {
    return { hop, verdict: blockedBy(verdict, `no proxy can run here, as ${name} wants`) } satisfies Routed
  }
  const { limits } = verdict
  const { headers, method, url } = hop
  const { content: body } = outgoing(hop.payload.content, limits)
  const proxied = yield* Effect.tryPromise(() => ways.proxy(via.code, { url, method, headers, body })).pipe(
    Effect.timeout(limits.first_byte_ms),
    Effect.result
  )
  if (Result.isFailure(proxied)) {
    yield* Effect.logWarning("proxy code of the egress policy failed", proxied.failure)
    return { hop, verdict: blockedBy(verdict, `the proxy code of ${name} failed`) } satisfies Routed
  }
  return yield* afterProxy(hop, verdict, name, proxied.success)
})

const afterProxy = Effect.fnUntraced(function* (hop: Hop, verdict: Passing, name: string, proxied: Proxied) {
  if (proxied === null) return { hop, verdict: blockedBy(verdict, `dropped by the proxy code of ${name}`) }
  if ("response" in proxied) {
    // Nothing is attached to a request that goes nowhere.
    const attachment = { ...nothingAttached, secrets: verdict.attachment.secrets }
    const answered: Verdict = { ...verdict, outcome: "allowed", attachment }
    return { hop: { ...hop, payload: noPayload }, verdict: answered, way: async () => proxied.response }
  }
  const { request } = proxied
  const changed: Hop = {
    ...hop,
    method: request.method,
    url: new URL(request.url),
    headers: forwardable(request.headers),
    payload: request.body === null ? noPayload : streamed(request.body)
  }
  if (changed.url.origin !== hop.url.origin) {
    return { hop, verdict: blockedBy(verdict, `the proxy code of ${name} answered a request to another origin`) }
  }
  if (changed.url.href === hop.url.href && changed.method === hop.method) {
    return { hop: changed, verdict: limited(changed, verdict) }
  }
  const policy = yield* EgressPolicy
  return { hop: changed, verdict: limited(changed, yield* policy.decide(changed)) }
})

/** The verdict, where the request itself is nothing that may not leave. */
export const limited = (hop: Hop, verdict: Verdict): Verdict => {
  const blocked = (reason: string) => blockedBy(verdict, reason)
  if (carriesKey(hop)) return blocked("the request holds an Anthropic API key")
  if (verdict.outcome === "blocked") return verdict
  const { header_bytes, request_body_bytes } = verdict.limits
  const problem = malformed(hop.headers)
  if (problem !== undefined) return blocked(problem)
  if (hop.url.href.length + sizeOf(hop.headers) > header_bytes) {
    return blocked(`the request's URL and headers are longer than ${header_bytes} bytes`)
  }
  if (hop.length > request_body_bytes) return blocked(`the request's body is longer than ${request_body_bytes} bytes`)
  return closedToWebSockets(hop, verdict)
}

const carriesKey = ({ headers, url }: Hop) =>
  carriesAnthropicKey(url.href) ||
  [...headers].some(([name, value]) => carriesAnthropicKey(name) || carriesAnthropicKey(value))
