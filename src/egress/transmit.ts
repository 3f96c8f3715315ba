import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Verdict } from "../EgressPolicy.ts"
import { withCredentials } from "./credentials.ts"
import type { Outgoing } from "./guard.ts"
import { sizeOf } from "./headers.ts"
import { discard, failed, failure, type Hop, type Refusal } from "./hop.ts"
import type { Send } from "./route.ts"

/** The credentials that go with a request: of a long body, as far as it is out. */
export type Names = () => ReadonlyArray<string>

/** Sends one hop. `begin` is told which credentials go with it, before it is sent. */
export const transmit = (
  hop: Hop,
  payload: Outgoing,
  { attachment, limits: { request_body_bytes } }: Exclude<Verdict, { readonly outcome: "blocked" }>,
  send: Send,
  begin: (names: Names) => Effect.Effect<void>
) => {
  const unsent = (cause: unknown) =>
    failure(
      hop.url,
      payload.isTooLong()
        ? `the request's body is longer than ${request_body_bytes} bytes`
        : `no answer from the upstream${codeOf(cause)}`
    )
  return Effect.tryPromise({ try: () => withCredentials({ ...hop, payload }, attachment), catch: unsent }).pipe(
    Effect.tap(({ names }) => begin(names)),
    Effect.flatMap(({ body, headers }) =>
      Effect.tryPromise({
        try: (signal) => {
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
        catch: unsent
      })
    )
  )
}

/** Gives up an answer that does not begin in time, and one that says it is too long. */
export const answered = (hop: Hop, { limits }: Verdict, answer: Effect.Effect<Response, Refusal>) => {
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

/** The system's own word for what went wrong (`ECONNREFUSED`), and nothing else of a foreign error, whose text may quote the request. */
const codeOf = (error: unknown): string => {
  for (const candidate of [error, Predicate.hasProperty(error, "cause") ? error.cause : undefined]) {
    const code = Predicate.hasProperty(candidate, "code") ? candidate.code : undefined
    if (Predicate.isString(code) && /^[A-Z][A-Z_0-9]{2,40}$/.test(code)) return ` (${code})`
  }
  return ""
}
