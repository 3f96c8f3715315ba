import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Mac from "effect/crypto/Mac"
import { AccessTokens } from "../AccessTokens.ts"
import { RateLimiter } from "../RateLimiter.ts"
import type { Caller } from "./Caller.ts"
import { AuthenticationFailed, RateLimited, Unavailable } from "./Errors.ts"
import { KnownKeys } from "./KnownKeys.ts"

/** The key that the deployment itself has, with the scope `admin`: it makes the first API keys. */
export class DeploymentKey extends Context.Service<DeploymentKey, Option.Option<Redacted.Redacted>>()(
  "ownloop/api/Identity/DeploymentKey"
) {
  /** Reads `OWNLOOP_API_KEY`; an empty one is none. */
  static readonly layer: Layer.Layer<DeploymentKey, Config.ConfigError> = Layer.effect(
    DeploymentKey,
    Config.option(Config.Redacted("OWNLOOP_API_KEY"))
  )
}

/** What a request brings to say who sends it. */
export interface Credentials {
  /** Values that may be keys, in the order in which they are tried. */
  readonly keys: ReadonlyArray<string>
  /** `Cf-Access-Jwt-Assertion` */
  readonly accessToken: string | undefined
  /** `CF-Connecting-IP` */
  readonly address: string | undefined
}

/** Finds out who sends a request. The first credential that is good decides. */
export const make = Effect.gen(function* () {
  const own = Option.map(yield* DeploymentKey, (key) => bytes(Redacted.value(key)))
  const access = Option.getOrUndefined(yield* AccessTokens)
  const known = yield* KnownKeys
  const limiter = yield* RateLimiter

  const accessCaller = Effect.fnUntraced(
    function* (token: string) {
      return access && { actor: yield* access.verify(token), scope: access.scope }
    },
    Effect.catchTags({
      AccessTokenInvalid: ({ message }) => Effect.fail(new AuthenticationFailed({ message })),
      AccessKeysUnavailable: ({ message }) => Effect.fail(new Unavailable({ message }))
    })
  )

  return Effect.fnUntraced(function* ({
    accessToken,
    address,
    keys
  }: Credentials): Effect.fn.Return<Caller["Service"], AuthenticationFailed | RateLimited | Unavailable> {
    if (Option.isNone(own) && access === undefined) return yield* new Unavailable({ message: unset })
    const isOwn = Option.exists(own, (own) => keys.filter((key) => Mac.timingSafeEqual(own, bytes(key))).length > 0)
    if (isOwn) return deployment

    let isCounted = false
    const count = Effect.suspend(() => {
      if (isCounted) return Effect.void
      isCounted = true
      return Effect.flatMap(limiter.strangers(networkOf(address)), (passes) =>
        passes ? Effect.void : Effect.fail(new RateLimited({ message: tooMany }))
      )
    })
    for (const value of keys) {
      const key = yield* known.find(value, count).pipe(Effect.catchTag("StorageError", Effect.die))
      if (Option.isSome(key)) return { actor: { type: "api_key", id: key.value.id }, scope: key.value.scope }
    }
    const caller =
      accessToken === undefined ? undefined : yield* Effect.tapError(accessCaller(accessToken), () => count)
    if (caller !== undefined) return caller
    yield* count
    return yield* new AuthenticationFailed({ message: Option.isSome(own) ? wrong : wrongWithoutOwn })
  })
})

const deployment: Caller["Service"] = { actor: { type: "deployment_key", id: "OWNLOOP_API_KEY" }, scope: "admin" }

const bytes = (key: string): Uint8Array => new TextEncoder().encode(key)

/** Who has one IPv6 address usually has 2^64 of them. */
const networkOf = (address = "unknown"): string => {
  if (!address.includes(":")) return address
  const [head = "", tail] = address.split("::")
  return [...head.split(":"), ...(tail === undefined ? [] : ["0", "0", "0"])].slice(0, 4).join(":")
}

const unset =
  "the secret OWNLOOP_API_KEY is not set, and neither is Cloudflare Access (CF_ACCESS_TEAM_DOMAIN, CF_ACCESS_AUD), so nobody is " +
  "answered: set it with `npx wrangler secret put OWNLOOP_API_KEY`"

const how = "as `Authorization: Bearer` (authToken in the SDK) or as `x-api-key`"
const wrong = `send this deployment's OWNLOOP_API_KEY, or one of its API keys, ${how}`
const wrongWithoutOwn = `send one of this deployment's API keys ${how}, or come through Cloudflare Access`

const tooMany = "too many requests from this address that bring no key of this deployment: wait a moment"
