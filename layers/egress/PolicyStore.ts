import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { Catalog } from "../../src/Catalog.ts"
import { type AnthropicKeyRefused, carriesAnthropicKey } from "../../src/domain/AnthropicKey.ts"
import { now } from "../../src/domain/Common.ts"
import type { EgressApproval, EgressDecision } from "../../src/domain/Egress.ts"
import type { AgentId, EnvironmentId, EventId, PolicyId, SessionId } from "../../src/domain/Ids.ts"
import { defaultLimits } from "../../src/domain/Policy.ts"
import type { Grant } from "../../src/egress/attach.ts"
import { boundaryOf } from "../../src/egress/boundary.ts"
import { decide, type Decision, limitsOf, portOfScheme } from "../../src/egress/decide.ts"
import { decodeInjections, type EgressConfigInvalid } from "../../src/egress/injection.ts"
import { closed, verdictOf } from "../../src/egress/verdict.ts"
import {
  AuditFailed,
  EgressPolicy,
  type EgressQuestion,
  type EgressRequest,
  EgressSession
} from "../../src/EgressPolicy.ts"
import { SessionGrants } from "../../src/SessionCredentials.ts"

/** The deployment's credentials for hosts, from the secret `EGRESS_HEADERS`; none where it is not set. */
export const injections = Effect.flatMap(
  Config.option(Config.Redacted("EGRESS_HEADERS")),
  Option.match({ onNone: () => Effect.succeed<ReadonlyArray<Grant>>([]), onSome: decodeInjections })
)

/** Whose requests are decided about. */
export interface Caller {
  readonly sessionId: SessionId
  readonly environmentId: EnvironmentId
  readonly agentId: AgentId
  /** The policies of the session's agent. */
  readonly policyIds: ReadonlyArray<PolicyId>
  readonly toolUseId: EventId | null
}

/**
 * The policy of one session: its environment's networking and policies and its agent's policies, read anew for every request, so that a
 * running session notices a change at its next one; and the deployment's `EGRESS_HEADERS`.
 */
export const layer = (
  caller: Caller
): Layer.Layer<
  EgressPolicy,
  EgressConfigInvalid | AnthropicKeyRefused | Config.ConfigError,
  Catalog | EgressSession | SecureRandom.SecureRandom
> =>
  Layer.effect(
    EgressPolicy,
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const random = yield* SecureRandom.SecureRandom
      const session = yield* EgressSession
      const deployed = yield* injections
      const own = yield* SessionGrants
      const { agentId, environmentId, policyIds, sessionId, toolUseId } = caller

      return EgressPolicy.of({
        decide: Effect.fn("EgressPolicy.decide")(
          function* (request: EgressRequest) {
            const [stored, granted] = yield* Effect.all([catalog.boundary(environmentId, policyIds), own], {
              concurrency: 2
            })
            const boundary = boundaryOf(stored, policyIds)
            if (Result.isFailure(boundary)) return blocked(boundary.failure)
            const limits = limitsOf(boundary.success)
            const grants = [...granted, ...deployed]
            const decision = decide(boundary.success, request)
            const question = questionOf(decision, request, toolUseId)
            if (question === null) return verdictOf(decision, limits, grants, request)
            const answer = yield* session.approve(question)
            const decided = { ...decision, ...after[answer](decision) }
            return verdictOf(decided, limits, grants, request, answer === "unasked" ? null : answer)
          },
          Effect.catchTag("StorageError", unreadable),
          Effect.catchDefect(unreadable)
        ),
        record: Effect.fn("EgressPolicy.record")(
          function* (decision) {
            const id = `egrs_${yield* random.ulid}`
            const record: EgressDecision = {
              type: "egress_decision",
              id,
              session_id: sessionId,
              agent_id: agentId,
              tool_use_id: toolUseId,
              ...decision,
              bytes_out: null,
              bytes_in: null,
              duration_ms: null,
              created_at: yield* now
            }
            yield* Effect.all([catalog.addDecision(record), session.note(record)], { concurrency: 2, discard: true })
            return id
          },
          Effect.mapError((cause) => new AuditFailed({ cause })),
          Effect.catchDefect((cause) => new AuditFailed({ cause }))
        ),
        complete: Effect.fn("EgressPolicy.complete")((id, traffic) =>
          // The record itself stands: it only says less.
          Effect.catch(catalog.completeDecision(id, traffic), (error) =>
            Effect.logWarning("the traffic of an egress decision could not be recorded", error)
          )
        )
      })
    })
  )

/** Characters of a path that a person is asked about. */
const maxPath = 2_048

/** What a person is to be asked; null where no rule wants that. */
const questionOf = (
  { effect, rule }: Decision,
  { method, url }: EgressRequest,
  tool_use_id: EventId | null
): EgressQuestion | null => {
  if (effect !== "ask" || rule === null || rule.policy === null) return null
  // What the session's log must not hold, and what nobody would read.
  if (carriesAnthropicKey(url.href) || url.pathname.length > maxPath) return null
  const scheme = url.protocol === "https:" ? "https" : "http"
  return {
    tool_use_id,
    method: method.toUpperCase(),
    scheme,
    host: url.hostname,
    port: url.port === "" ? portOfScheme(url.protocol)! : Number(url.port), // A rule matched: it is one of the two schemes.
    path: url.pathname,
    policy_id: rule.policy.id,
    policy_version: rule.policy.version,
    rule: rule.name
  }
}

type After = (decision: Decision) => Pick<Decision, "effect" | "reason">

const after: Record<EgressApproval | "unasked", After> = {
  once: ({ reason }) => ({ effect: "allow", reason: `${reason}: a person allowed it once` }),
  session: ({ reason }) => ({ effect: "allow", reason: `${reason}: a person allowed it for this session` }),
  denied: ({ reason }) => ({ effect: "deny", reason: `${reason}: a person did not allow it` }),
  asked: ({ reason }) => ({
    effect: "deny",
    reason: `${reason}: a person is asked whether it may be sent; once that is answered the result of this call says so`
  }),
  unasked: ({ reason }) => ({
    effect: "deny",
    reason: `${reason}: a person must allow it, and nobody can be asked now`
  })
}

const blocked = (reason: string) => closed(reason, defaultLimits)

const unreadable = (cause: unknown) =>
  Effect.as(
    Effect.logError("the egress policy could not be read", cause),
    blocked("the session's egress policy could not be read")
  )
