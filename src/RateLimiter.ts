import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** Seconds after which counting begins anew: the shorter of the two periods that Cloudflare knows. */
export const period = 10

/** Counts requests; false where there were too many in this period. */
export class RateLimiter extends Context.Service<
  RateLimiter,
  {
    /** Requests of one caller. */
    requests(caller: string): Effect.Effect<boolean>
    /** Requests without a credential that is known at once, from one address. */
    strangers(address: string): Effect.Effect<boolean>
  }
>()("ownloop/RateLimiter") {}
