import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { EgressDecision } from "../domain/Egress.ts"
import { EgressPolicy } from "../EgressPolicy.ts"
import { scrubbed } from "./answers.ts"
import { noPayload, replayable } from "./body.ts"
import { outcomeOf } from "./credentials.ts"
import { guarded, outgoing } from "./guard.ts"
import { forwardable, isWebSocketUpgrade } from "./headers.ts"
import { discard, failed, type Hop, masked, Refusal } from "./hop.ts"
import { audited } from "./record.ts"
import { locationOf, maxRedirects, nextHop } from "./redirects.ts"
import { limited, route, type Send, type Ways } from "./route.ts"
import { answered, type Names, transmit } from "./transmit.ts"

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
 * caller said otherwise, and records every hop before anything of its answer is handed on. What does not pass is answered with 403, what fails or cannot be recorded with 502, both as `{ error: { type, message, host } }`.
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
  const record = (names: ReadonlyArray<string>) =>
    policy
      .record({ ...audited(hop), ...outcomeOf(verdict, names), ...rule, approval, status: null })
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
    yield* Effect.uninterruptible(Effect.flatMap(record([]), policy.note))
    return yield* new Refusal({
      type: "egress_blocked",
      message: `blocked by the egress policy: ${reason}`,
      host: masked(hop.url.hostname)
    })
  }

  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const payload = outgoing(hop.payload.content, limits)
      let attached: Attached | undefined
      // The record is written while the upstream is asked: nothing of the answer is handed on before it is.
      const begin = (names: Names) =>
        Effect.forkDetach(record(names())).pipe(
          Effect.map((written) => void (attached = { names, written })),
          Effect.uninterruptible
        )
      const sent = yield* Effect.exit(
        restore(answered(hop, verdict, transmit(hop, payload, verdict, way ?? send, begin)))
      )
      const recorded = yield* (attached === undefined ? record([]) : Fiber.join(attached.written)).pipe(
        Effect.tapError(() => (Exit.isSuccess(sent) ? discard(sent.value) : Effect.void))
      )
      const status = Exit.isSuccess(sent) ? sent.value.status : null
      const known = { ...recorded, ...outcomeOf(verdict, attached?.names() ?? []), status }
      yield* policy.note(known)
      yield* Effect.annotateCurrentSpan({ "egress.status": status ?? 0 })

      /** Once the answer is over: what came of the request joins its record. */
      const complete = (bytes_in: number | null) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          policy.complete({ ...known, bytes_out: payload.bytes(), bytes_in, duration_ms: now - began })
        )
      if (Exit.isFailure(sent)) {
        waitUntil(Effect.runPromiseWith(services)(complete(null)))
        return yield* Exit.failCause(sent.cause)
      }
      const { response, over } = guarded(sent.value, limits)
      waitUntil(Effect.runPromiseWith(services)(Effect.flatMap(over, complete)))
      return { response: scrubbed(response, verdict.attachment.secrets), renewals: verdict.attachment.renewals }
    })
  )
})

/** A request that is being sent: the credentials in it, which of a long body show only as it goes out, and its record. */
interface Attached {
  readonly names: Names
  readonly written: Fiber.Fiber<EgressDecision, Refusal>
}

const firstHop = (request: Request): Hop => ({
  method: request.method,
  url: new URL(request.url),
  headers: forwardable(request.headers),
  payload: request.body === null ? noPayload : replayable(request.body),
  length: Number(request.headers.get("content-length") ?? 0) || 0,
  signal: request.signal
})
