import * as Schema from "effect/Schema"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * Options of Cloudflare's AI Gateway, named as the `AI` binding names them. Those that belong to one request are not among them: with a fixed
 * `cacheKey` every request would be answered as the first one was.
 */
export const Gateway = Schema.Struct({
  /** The gateway's name, in the account that the models run in. */
  id: Schema.NonEmptyString,
  /** Seconds. */
  cacheTtl: Schema.optionalKey(Count),
  /** True where no `cacheTtl` is set: a model that is asked the same again, because its answer was of no use, must not give the same answer. */
  skipCache: Schema.optionalKey(Schema.Boolean),
  /** Five entries at most. */
  metadata: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])).check(
      Schema.isMaxProperties(5)
    )
  ),
  collectLog: Schema.optionalKey(Schema.Boolean),
  /** Milliseconds to the first byte. */
  requestTimeoutMs: Schema.optionalKey(Count),
  retries: Schema.optionalKey(
    Schema.Struct({
      maxAttempts: Schema.optionalKey(Schema.Literals([1, 2, 3, 4, 5])),
      /** At most 5 s. */
      retryDelayMs: Schema.optionalKey(Count.check(Schema.isLessThanOrEqualTo(5_000))),
      backoff: Schema.optionalKey(Schema.Literals(["constant", "linear", "exponential"]))
    })
  )
})
export type Gateway = typeof Gateway.Type

export const withDefaults = (gateway: Gateway): Gateway => ({
  skipCache: gateway.cacheTtl === undefined,
  ...gateway
})

/** The options as request headers, but for the gateway's name: `cf-aig-gateway-id` is for REST, where the binding has its own way. */
export const headers = ({
  cacheTtl,
  collectLog,
  metadata,
  requestTimeoutMs,
  retries,
  skipCache
}: Gateway): { readonly [name: string]: string } => {
  const values = {
    "cf-aig-cache-ttl": cacheTtl,
    "cf-aig-skip-cache": skipCache,
    "cf-aig-metadata": metadata === undefined ? undefined : JSON.stringify(metadata),
    "cf-aig-collect-log": collectLog,
    "cf-aig-request-timeout": requestTimeoutMs,
    "cf-aig-max-attempts": retries?.maxAttempts,
    "cf-aig-retry-delay": retries?.retryDelayMs,
    "cf-aig-backoff": retries?.backoff
  }
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
  )
}
