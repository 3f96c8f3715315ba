import { Data, Effect, Exit, Predicate } from "effect"
import { carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import { type Attachment, EgressPolicy, type Verdict } from "../EgressPolicy.ts"
import { scrubbed } from "./answers.ts"
import { noPayload, type Payload, replayable, streamed } from "./body.ts"
import { closedToWebSockets, outcomeOf, withCredentials } from "./credentials.ts"
import { portOfScheme } from "./decide.ts"
import { bodyHeaders, credentialHeaders, forwardable, isWebSocketUpgrade } from "./headers.ts"

/** How a request leaves: `fetch`, which must not follow redirects where the request says `redirect: "manual"`. */
export type Send = (request: Request) => Promise<Response>

/** Redirects that are followed for one request. */
const maxRedirects = 10

/** Characters of a path that the audit keeps. */
const maxPath = 2_048

/** One request that leaves: the caller's, or one that a redirect asks for. */
interface Hop {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly payload: Payload
  readonly signal: AbortSignal
}

/** The gateway's own answer, in place of an upstream's. */
class Refusal extends Data.TaggedError("Refusal")<{
  readonly type: "egress_blocked" | "egress_failed"
  readonly message: string
  readonly host: string
}> {}

/**
 * The one way out: decides about a request, attaches what the policy says, sends it, follows its redirects (deciding each again) unless the
 * caller said otherwise, and records every hop once it is answered, before anything of that answer is handed on. What does not pass is
 * answered with 403, what fails or cannot be recorded with 502, both as `{ error: { type, message, host } }`.
 */
export const handle = Effect.fn("EgressGateway.handle")(
  function* (request: Request, send: Send) {
    const follows = request.redirect === "follow" && !isWebSocketUpgrade(request.headers)
    let hop = firstHop(request, follows)
    for (let redirects = 0; ; redirects++) {
      const response = yield* exchange(hop, send)
      const location = redirectStatuses.has(response.status) ? response.headers.get("location") : null
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

/** Decides, sends and records one hop. Exactly one record is written, whatever happens, also when the caller goes away meanwhile. */
const exchange = Effect.fn("EgressGateway.exchange")(function* (hop: Hop, send: Send) {
  const policy = yield* EgressPolicy
  const verdict: Verdict = carriesKey(hop)
    ? { outcome: "blocked", reason: "the request holds an Anthropic API key" }
    : closedToWebSockets(hop, yield* policy.decide(hop))
  const record = (status: number | null, names: ReadonlyArray<string> = []) =>
    policy
      .record({ ...audited(hop), ...outcomeOf(verdict, names), status })
      .pipe(
        Effect.catchTag("AuditFailed", (error) =>
          Effect.andThen(Effect.logError(error), failed(hop.url, error.message))
        )
      )
  yield* Effect.annotateCurrentSpan({ "egress.host": masked(hop.url.hostname), "egress.outcome": verdict.outcome })

  if (verdict.outcome === "blocked") {
    yield* Effect.uninterruptible(record(null))
    return yield* new Refusal({
      type: "egress_blocked",
      message: `blocked by the egress policy: ${verdict.reason}`,
      host: masked(hop.url.hostname)
    })
  }
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const attached = { names: (): ReadonlyArray<string> => [] }
      const sent = yield* Effect.exit(restore(transmit(hop, verdict.attachment, send, attached)))
      if (Exit.isFailure(sent)) {
        yield* record(null, attached.names())
        return yield* sent
      }
      yield* record(sent.value.status, attached.names()).pipe(Effect.tapError(() => discard(sent.value)))
      return scrubbed(sent.value, verdict.attachment.secrets)
    })
  )
})

/** `attached` is told of the credentials that went out, also where that fails. */
const transmit = (hop: Hop, attachment: Attachment, send: Send, attached: { names: () => ReadonlyArray<string> }) =>
  Effect.tryPromise({
    try: async (signal) => {
      const { body, headers, names } = await withCredentials(hop, attachment)
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
    catch: (cause) => failure(hop.url, `no answer from the upstream${codeOf(cause)}`)
  })

const firstHop = (request: Request, follows: boolean): Hop => ({
  method: request.method,
  url: new URL(request.url),
  headers: forwardable(request.headers),
  payload: request.body === null ? noPayload : follows ? replayable(request.body) : streamed(request.body),
  signal: request.signal
})

/** As `fetch` does it: which redirects turn into a GET, and what stays behind at another origin. */
const nextHop = (hop: Hop, status: number, location: string): Effect.Effect<Hop, Refusal> => {
  const url = URL.parse(location, hop.url)
  if (url === null) return failed(hop.url, "the upstream redirects to something that is no URL")
  const becomesGet =
    status === 303 ? hop.method !== "GET" && hop.method !== "HEAD" : status < 303 && hop.method === "POST"
  const payload = becomesGet ? noPayload : hop.payload.again()
  if (payload === undefined) return failed(hop.url, "the upstream redirects a request whose body was too long to keep")
  const headers = new Headers(hop.headers)
  if (becomesGet) for (const name of bodyHeaders) headers.delete(name)
  if (url.origin !== hop.url.origin) for (const name of credentialHeaders) headers.delete(name)
  return Effect.succeed({ ...hop, method: becomesGet ? "GET" : hop.method, url, headers, payload })
}

const redirectStatuses = new Set([301, 302, 303, 307, 308])

const audited = ({ method, url }: Hop) => ({
  method,
  scheme: url.protocol.slice(0, -1),
  host: masked(url.hostname),
  port: url.port === "" ? (portOfScheme(url.protocol) ?? 0) : Number(url.port),
  path: masked(url.pathname).slice(0, maxPath)
})

const carriesKey = ({ headers, url }: Hop) =>
  carriesAnthropicKey(url.href) ||
  [...headers].some(([name, value]) => carriesAnthropicKey(name) || carriesAnthropicKey(value))

const masked = (text: string) => (carriesAnthropicKey(text) ? "[refused]" : text)

const discard = (response: Response) => Effect.ignore(Effect.tryPromise(async () => response.body?.cancel()))

const failure = (url: URL, message: string) =>
  new Refusal({ type: "egress_failed", message, host: masked(url.hostname) })

const failed = (url: URL, message: string) => Effect.fail(failure(url, message))

/** The system's own word for what went wrong (`ECONNREFUSED`), and nothing else of a foreign error, whose text may quote the request. */
const codeOf = (error: unknown): string => {
  for (const candidate of [error, Predicate.hasProperty(error, "cause") ? error.cause : undefined]) {
    const code = Predicate.hasProperty(candidate, "code") ? candidate.code : undefined
    if (Predicate.isString(code) && /^[A-Z][A-Z_0-9]{2,40}$/.test(code)) return ` (${code})`
  }
  return ""
}
