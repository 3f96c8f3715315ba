import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import { EgressPolicy, type Verdict } from "../EgressPolicy.ts"
import { scrubbed } from "./answers.ts"
import { noPayload, replayable } from "./body.ts"
import { outcomeOf, withCredentials } from "./credentials.ts"
import { guarded, type Outgoing, outgoing } from "./guard.ts"
import { forwardable, isWebSocketUpgrade, sizeOf } from "./headers.ts"
import { discard, failed, failure, type Hop, masked, Refusal } from "./hop.ts"
import { audited } from "./record.ts"
import { locationOf, maxRedirects, nextHop } from "./redirects.ts"
import { limited, route, type Send, type Ways } from "./route.ts"

export type { Proxied, Send, Ways } from "./route.ts"

/** Keeps the process alive until the work is done, which goes on after the answer was handed on. */
export type WaitUntil = (work: Promise<unknown>) => void

export interface Surroundings {
  readonly waitUntil?: WaitUntil
  /** Where there are none, a request whose rule names a way is blocked. */
  readonly ways?: Ways
}

/**
 * The one way out: decides about a request, attaches what the policy says, sends it, follows its redirects (deciding each again) unless the
 * caller said otherwise, and records every hop once it is answered, before anything of that answer is handed on. What does not pass is
 * answered with 403, what fails or cannot be recorded with 502, both as `{ error: { type, message, host } }`.
 */
export const handle = Effect.fn("EgressGateway.handle")(
  function* (request: Request, send: Send, surroundings: Surroundings = {}) {
    const follows = request.redirect === "follow" && !isWebSocketUpgrade(request.headers)
    let hop = firstHop(request)
    for (let redirects = 0; ; redirects++) {
      const response = yield* exchanged(hop, send, surroundings)
      const location = locationOf(response)
      if (location === null || (!follows && request.redirect !== "error")) return response
      yield* discard(response)
      if (!follows) return yield* failed(hop.url, "the upstream redirects, and the request forbids redirects")
      if (redirects === maxRedirects) return yield* failed(hop.url, `more than ${maxRedirects} redirects`)
      hop = yield* nextHop(hop, response.status, location)
    }
  },
  Effect.catchTag("Refusal", ({ host, message, type }) =>
    Effect.succeed(Response.json({ error: { type, message, host } }, { status: type === "egress_blocked" ? 403 : 502 }))
  )
)

/**
 * One hop, and once more where its credential was refused and there is a new one. A request whose body was too long to keep is not sent
 * again: the next one has the new credential.
 */
const exchanged = Effect.fnUntraced(function* (hop: Hop, send: Send, surroundings: Surroundings) {
  const { renewals, response } = yield* exchange(hop, send, surroundings)
  if (response.status !== 401 || renewals.length === 0) return response
  const { renew } = yield* EgressPolicy
  const isNew = yield* renew(renewals).pipe(
    Effect.catchTag("AuditFailed", (error) => Effect.andThen(discard(response), failed(hop.url, error.message)))
  )
  const payload = hop.payload.again()
  if (!isNew || payload === undefined) return response
  yield* discard(response)
  return (yield* exchange({ ...hop, payload }, send, surroundings)).response
})

/** Decides, sends and records one hop. Exactly one record is written, whatever happens, also when the caller goes away meanwhile. */
const exchange = Effect.fn("EgressGateway.exchange")(function* (asked: Hop, send: Send, surroundings: Surroundings) {
  const policy = yield* EgressPolicy
  const services = yield* Effect.context<EgressPolicy>()
  const { waitUntil = () => undefined, ways } = surroundings
  const began = yield* Clock.currentTimeMillis
  const { hop, verdict, way } = yield* route(asked, limited(asked, yield* policy.decide(asked)), ways)
  const { approval, limits, outcome, reason, rule } = verdict
  const record = (status: number | null, names: ReadonlyArray<string> = []) =>
    policy
      .record({ ...audited(hop), ...outcomeOf(verdict, names), ...rule, approval, status })
      .pipe(
        Effect.catchTag("AuditFailed", (error) =>
          Effect.andThen(Effect.logError(error), failed(hop.url, error.message))
        )
      )
  yield* Effect.annotateCurrentSpan({
    "egress.method": hop.method,
    "egress.host": masked(hop.url.hostname),
    "egress.outcome": outcome,
    "egress.reason": reason
  })

  if (verdict.outcome === "blocked") {
    yield* Effect.uninterruptible(record(null))
    return yield* new Refusal({
      type: "egress_blocked",
      message: `blocked by the egress policy: ${reason}`,
      host: masked(hop.url.hostname)
    })
  }

  /** Once the answer is over: what went over the wire joins the record. */
  const complete = (id: string, bytes_out: number, bytes_in: number | null) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      policy.complete(id, { bytes_out, bytes_in, duration_ms: now - began })
    )

  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const attached: Attached = { names: () => [] }
      const payload = outgoing(hop.payload.content, limits)
      const sending = transmit(hop, payload, verdict, way ?? send, attached)
      const sent = yield* Effect.exit(restore(answered(hop, verdict, sending)))
      const id = yield* record(Exit.isSuccess(sent) ? sent.value.status : null, attached.names()).pipe(
        Effect.tapError(() => (Exit.isSuccess(sent) ? discard(sent.value) : Effect.void))
      )
      yield* Effect.annotateCurrentSpan({ "egress.status": Exit.isSuccess(sent) ? sent.value.status : 0 })
      if (Exit.isFailure(sent)) {
        waitUntil(Effect.runPromiseWith(services)(complete(id, payload.bytes(), null)))
        return yield* Exit.failCause(sent.cause)
      }
      const { response, over } = guarded(sent.value, limits)
      waitUntil(
        over.pipe(
          Effect.flatMap((bytes) => complete(id, payload.bytes(), bytes)),
          Effect.runPromiseWith(services)
        )
      )
      return { response: scrubbed(response, verdict.attachment.secrets), renewals: verdict.attachment.renewals }
    })
  )
})

/** The credentials that went out with a request, also where that fails. */
interface Attached {
  names: () => ReadonlyArray<string>
}

const transmit = (
  hop: Hop,
  payload: Outgoing,
  { attachment, limits: { request_body_bytes } }: Exclude<Verdict, { readonly outcome: "blocked" }>,
  send: Send,
  attached: Attached
) =>
  Effect.tryPromise({
    try: async (signal) => {
      const { body, headers, names } = await withCredentials({ ...hop, payload }, attachment)
      attached.names = names
      // Built anew: what else the caller's request holds (`cf` options such as `resolveOverride`) stays behind.
      const init = {
        method: hop.method,
        headers,
        body,
        redirect: "manual",
        signal: AbortSignal.any([hop.signal, signal]),
        duplex: "half"
      } as const
      return send(new Request(hop.url, init))
    },
    catch: (cause) =>
      failure(
        hop.url,
        payload.isTooLong()
          ? `the request's body is longer than ${request_body_bytes} bytes`
          : `no answer from the upstream${codeOf(cause)}`
      )
  })

/** Gives up an answer that does not begin in time, and one that says it is too long. */
const answered = (hop: Hop, { limits }: Verdict, answer: Effect.Effect<Response, Refusal>) => {
  const { first_byte_ms, header_bytes, response_body_bytes } = limits
  return answer.pipe(
    Effect.timeoutOrElse({
      duration: first_byte_ms,
      orElse: () => failed(hop.url, `the upstream did not answer within ${first_byte_ms} ms`)
    }),
    Effect.tap((response) => {
      const tooLong =
        sizeOf(response.headers) > header_bytes
          ? `the answer's headers are longer than ${header_bytes} bytes`
          : hop.method !== "HEAD" && Number(response.headers.get("content-length")) > response_body_bytes
            ? `the answer's body is longer than ${response_body_bytes} bytes`
            : undefined
      return tooLong === undefined ? Effect.void : Effect.andThen(discard(response), failed(hop.url, tooLong))
    })
  )
}

const firstHop = (request: Request): Hop => ({
  method: request.method,
  url: new URL(request.url),
  headers: forwardable(request.headers),
  payload: request.body === null ? noPayload : replayable(request.body),
  length: Number(request.headers.get("content-length") ?? 0) || 0,
  signal: request.signal
})

/** The system's own word for what went wrong (`ECONNREFUSED`), and nothing else of a foreign error, whose text may quote the request. */
const codeOf = (error: unknown): string => {
  for (const candidate of [error, Predicate.hasProperty(error, "cause") ? error.cause : undefined]) {
    const code = Predicate.hasProperty(candidate, "code") ? candidate.code : undefined
    if (Predicate.isString(code) && /^[A-Z][A-Z_0-9]{2,40}$/.test(code)) return ` (${code})`
  }
  return ""
}
