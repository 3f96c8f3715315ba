import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import type { Payload } from "./body.ts"

/** One request that leaves: the caller's, or one that a redirect asks for. */
export interface Hop {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly payload: Payload
  /** Bytes of the body, as the caller says; 0 where it does not. */
  readonly length: number
  readonly signal: AbortSignal
}

/** The gateway's own answer, in place of an upstream's. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly type: "egress_blocked" | "egress_failed"
  readonly message: string
  readonly host: string
}> {}

export const masked = (text: string) => (carriesAnthropicKey(text) ? "[refused]" : text)

export const discard = (response: Response) => Effect.ignore(Effect.tryPromise(async () => response.body?.cancel()))

export const failure = (url: URL, message: string) =>
  new Refusal({ type: "egress_failed", message, host: masked(url.hostname) })

export const failed = (url: URL, message: string) => Effect.fail(failure(url, message))
