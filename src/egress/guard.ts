import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { PolicyLimits } from "../domain/Policy.ts"
import { metered } from "./metered.ts"

type Limits = Required<PolicyLimits>

/** A request's body on its way out. */
export interface Outgoing {
  readonly content: ReadableStream<Uint8Array> | Uint8Array | null
  readonly bytes: () => number
  readonly isTooLong: () => boolean
}

/** The body, broken off where it is too long. */
export const outgoing = (content: Outgoing["content"], { request_body_bytes }: Limits): Outgoing => {
  if (content instanceof ReadableStream) {
    const { body, bytes, isTooLong } = metered(content, request_body_bytes)
    return { content: body, bytes, isTooLong }
  }
  const length = content?.byteLength ?? 0
  return { content, bytes: () => length, isTooLong: () => false }
}

/** The answer, broken off where its body is too long or takes too long. `over` waits for its end and answers how long it was. */
export const guarded = (response: Response, { response_body_bytes, total_ms }: Limits) => {
  // A WebSocket is no body, and stays open as long as its two ends like.
  if (response.body === null) return { response, over: Effect.succeed(response.status === 101 ? null : 0) }
  const ended = Deferred.makeUnsafe<void>()
  const late = new AbortController()
  const { body, bytes } = metered(
    response.body,
    response_body_bytes,
    () => Deferred.doneUnsafe(ended, Effect.void),
    late.signal
  )
  const over = Deferred.await(ended).pipe(
    Effect.timeoutOrElse({
      duration: total_ms,
      orElse: () => Effect.sync(() => late.abort(new Error(`the answer was not over within ${total_ms} ms`)))
    }),
    Effect.map(bytes)
  )
  return { response: new Response(body, response), over }
}
