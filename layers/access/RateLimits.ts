import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RateLimiter } from "../../src/RateLimiter.ts"

/** Cloudflare's rate limiting bindings: they count in one location, by themselves, and cost a request no time. */
export interface Bindings {
  readonly requests?: RateLimit | undefined
  readonly strangers?: RateLimit | undefined
}

/** Where a binding is absent nothing is counted; one that breaks lets nothing pass. */
export const layer = ({ requests, strangers }: Bindings): Layer.Layer<RateLimiter> =>
  Layer.succeed(RateLimiter, RateLimiter.of({ requests: counting(requests), strangers: counting(strangers) }))

const counting = (binding: RateLimit | undefined) => (key: string) =>
  binding === undefined
    ? Effect.succeed(true)
    : Effect.map(
        Effect.promise(() => binding.limit({ key })),
        ({ success }) => success
      )
