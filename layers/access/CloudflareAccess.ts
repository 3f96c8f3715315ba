import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from "jose"
import { AccessKeysUnavailable, AccessTokenInvalid, AccessTokens } from "../../src/AccessTokens.ts"
import { type Actor, Scope } from "../../src/domain/ApiKey.ts"
import { SettingInvalid } from "../../src/domain/Setting.ts"

export interface Settings {
  /** `https://<team>.cloudflareaccess.com`: who signs the tokens. */
  readonly issuer: string
  /** The AUD tags of the Access applications whose tokens are accepted. */
  readonly audience: ReadonlyArray<string>
  readonly scope: Scope
}

const text = (name: string) =>
  Config.String(name).pipe(
    Config.withDefault(""),
    Config.map((value) => value.trim())
  )

const variables = Config.all({
  team: text("CF_ACCESS_TEAM_DOMAIN"),
  audience: text("CF_ACCESS_AUD"),
  scope: text("CF_ACCESS_SCOPE")
})

/** Reads `CF_ACCESS_*`; none where nothing of it is set. */
export const settings: Effect.Effect<Option.Option<Settings>, SettingInvalid | Config.ConfigError> = Effect.gen(
  function* () {
    const { audience, scope, team } = yield* variables
    if (team === "" && audience === "" && scope === "") return Option.none()
    const host = /^(?:https:\/\/)?([a-z0-9-]+\.cloudflareaccess\.com)\/?$/i.exec(team)?.[1]
    if (host === undefined) {
      return yield* invalid("CF_ACCESS_TEAM_DOMAIN", "must be the team's domain: <team>.cloudflareaccess.com")
    }
    const tags = audience.split(",").map((tag) => tag.trim())
    if (tags.some((tag) => !/^[\w-]+$/.test(tag))) {
      return yield* invalid("CF_ACCESS_AUD", "must be the AUD tag of the Access application, or several with commas")
    }
    const known = Scope.literals.find((literal) => literal === (scope || "read"))
    if (known === undefined) return yield* invalid("CF_ACCESS_SCOPE", `must be ${Scope.literals.join(", ")}`)
    return Option.some({ issuer: `https://${host.toLowerCase()}`, audience: tags, scope: known })
  }
)

const invalid = (name: string, detail: string) => new SettingInvalid({ name, detail })

/** Milliseconds that the team's keys are kept. Access shows a new key six weeks before the old one is gone. */
const keysAge = 60 * 60 * 1000

/** Milliseconds within which the keys are not asked for again: whoever invents key ids must not make requests of ours. */
const cooldown = 30_000

const fetchTimeout = 5_000

/** Seconds that the clocks of signer and verifier may differ. */
const clockTolerance = 5

/** Verifies tokens against the keys that the team publishes. `fetch` is how these are read. */
export const make = (
  { audience, issuer, scope }: Settings,
  fetch: (request: Request) => Promise<Response>
): Option.Option.Value<AccessTokens["Service"]> => {
  const url = `${issuer}/cdn-cgi/access/certs`
  let failedAt = -Infinity
  const keys = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: keysAge,
    cooldownDuration: cooldown,
    timeoutDuration: fetchTimeout,
    [customFetch]: async (url, options) => {
      // A server that is down is left alone too.
      if (Date.now() - failedAt < cooldown) throw new KeysUnavailable()
      try {
        const response = await fetch(new Request(url, options))
        if (response.ok) return Response.json(await response.json())
      } catch {
        // As with any other answer than the keys.
      }
      failedAt = Date.now()
      throw new KeysUnavailable()
    }
  })

  return {
    scope,
    verify: Effect.fn("AccessTokens.verify")(function* (token) {
      const currentDate = new Date(yield* Clock.currentTimeMillis)
      const { payload } = yield* Effect.tryPromise({
        try: () =>
          jwtVerify(token, keys, {
            algorithms: ["RS256"],
            issuer,
            audience: [...audience],
            requiredClaims: ["exp", "iat"],
            clockTolerance,
            currentDate
          }),
        catch: (error) =>
          error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid)
            ? new AccessTokenInvalid({ detail: error.message })
            : new AccessKeysUnavailable({ url })
      })
      const actor = actorOf(payload)
      return actor ?? (yield* new AccessTokenInvalid({ detail: "it names neither a person nor a service token" }))
    })
  }
}

class KeysUnavailable extends Error {}

/** The token of a service token has its client id as `common_name`, and an empty `sub`. */
const actorOf = ({ common_name, email, sub }: JWTPayload): Actor | undefined => {
  const [service, user] = [[common_name], [email, sub]].map((names) =>
    names.find((name) => Predicate.isString(name) && name !== "")
  ) as ReadonlyArray<string | undefined>
  if (service !== undefined) return { type: "service_token", id: service }
  return user === undefined ? undefined : { type: "user", id: user }
}

export const layer: Layer.Layer<AccessTokens, SettingInvalid | Config.ConfigError> = Layer.effect(
  AccessTokens,
  Effect.map(
    settings,
    Option.map((settings) => make(settings, (request) => fetch(request)))
  )
)
