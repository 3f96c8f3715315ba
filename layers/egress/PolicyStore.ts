import { Config, Effect, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { Catalog } from "../../src/Catalog.ts"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import { now } from "../../src/domain/Common.ts"
import type { Networking } from "../../src/domain/Environment.ts"
import type { EnvironmentId, SessionId } from "../../src/domain/Ids.ts"
import { compile, type Policy } from "../../src/egress/decide.ts"
import type { Grant } from "../../src/egress/attach.ts"
import { decodeInjections, type EgressConfigInvalid, verdict } from "../../src/egress/injection.ts"
import { AuditFailed, EgressPolicy, type EgressRequest } from "../../src/EgressPolicy.ts"
import { SessionGrants } from "../../src/SessionCredentials.ts"

/** The deployment's credentials for hosts, from the secret `EGRESS_HEADERS`; none where it is not set. */
export const injections = Effect.flatMap(
  Config.option(Config.Redacted("EGRESS_HEADERS")),
  Option.match({ onNone: () => Effect.succeed<ReadonlyArray<Grant>>([]), onSome: decodeInjections })
)

/**
 * The policy of one session: its environment's networking and the credentials of its vaults, read anew for every request, so that a running
 * session notices a change at its next one, and the deployment's `EGRESS_HEADERS`, which those of a vault go before.
 */
export const layer = (session: {
  readonly sessionId: SessionId
  readonly environmentId: EnvironmentId
}): Layer.Layer<
  EgressPolicy,
  EgressConfigInvalid | AnthropicKeyRefused | Config.ConfigError,
  Catalog | SecureRandom.SecureRandom
> =>
  Layer.effect(
    EgressPolicy,
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const random = yield* SecureRandom.SecureRandom
      const deployed = yield* injections
      const own = yield* SessionGrants

      const networking = catalog
        .environment(session.environmentId)
        .pipe(Effect.map(Option.map((environment) => environment.config.networking)))

      return EgressPolicy.of({
        decide: Effect.fn("EgressPolicy.decide")(
          function* (request: EgressRequest) {
            const [found, granted] = yield* Effect.all([networking, own], { concurrency: 2 })
            return Option.isNone(found)
              ? blocked("the session's environment does not exist")
              : verdict(compiled(found.value), [...granted, ...deployed], request)
          },
          Effect.catchTag("StorageError", unreadable),
          Effect.catchDefect(unreadable)
        ),
        record: Effect.fn("EgressPolicy.record")(
          function* (decision) {
            const id = `egrs_${yield* random.ulid}`
            yield* catalog.addDecision({
              type: "egress_decision",
              id,
              session_id: session.sessionId,
              created_at: yield* now,
              ...decision
            })
          },
          Effect.mapError((cause) => new AuditFailed({ cause })),
          Effect.catchDefect((cause) => new AuditFailed({ cause }))
        )
      })
    })
  )

const blocked = (reason: string) => ({ outcome: "blocked", reason }) as const

const unreadable = (cause: unknown) =>
  Effect.as(
    Effect.logError("the egress policy could not be read", cause),
    blocked("the session's egress policy could not be read")
  )

/** Policies by the content they were compiled from. Pure values, so they may outlive a request. */
const policies = new Map<string, Policy>()

const compiled = (networking: Networking): Policy => {
  const content = JSON.stringify(networking)
  const known = policies.get(content)
  if (known !== undefined) return known
  const policy = compile(networking)
  if (policies.size >= 256) policies.clear()
  policies.set(content, policy)
  return policy
}
