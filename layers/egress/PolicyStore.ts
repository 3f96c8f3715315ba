import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { Catalog } from "../../src/Catalog.ts"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import { now } from "../../src/domain/Common.ts"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import type { AgentId, EnvironmentId, EventId, PolicyId, SessionId } from "../../src/domain/Ids.ts"
import { defaultLimits } from "../../src/domain/Policy.ts"
import { type Grant, renewalsDue } from "../../src/egress/attach.ts"
import { boundaryOf } from "../../src/egress/boundary.ts"
import { decide, limitsOf } from "../../src/egress/decide.ts"
import { decodeInjections, type EgressConfigInvalid } from "../../src/egress/injection.ts"
import { after, questionOf } from "../../src/egress/question.ts"
import { renewAll } from "../../src/egress/record.ts"
import { closed, verdictOf } from "../../src/egress/verdict.ts"
import {
  AuditFailed,
  EgressPolicy,
  type EgressRecord,
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

      const record = Effect.fn("EgressPolicy.record")(
        function* (decision: EgressRecord) {
          const record: EgressDecision = {
            type: "egress_decision",
            id: `egrs_${yield* random.ulid}`,
            session_id: sessionId,
            agent_id: agentId,
            tool_use_id: toolUseId,
            ...decision,
            bytes_out: null,
            bytes_in: null,
            duration_ms: null,
            created_at: yield* now
          }
          yield* catalog.addDecision(record)
          return record
        },
        Effect.mapError((cause) => new AuditFailed({ cause })),
        Effect.catchDefect((cause) => new AuditFailed({ cause }))
      )

      const renew = renewAll({ record, note: session.note })

      /** Whose credential has expired gets another one first; where there is none, the verdict says why. */
      const attached = Effect.fnUntraced(function* (...[decision, limits, grants, request, approval]: Deciding) {
        const due = decision.effect === "allow" ? renewalsDue(grants, request) : []
        if (due.length === 0) return verdictOf(decision, limits, grants, request, approval)
        yield* renew(due)
        return verdictOf(decision, limits, [...(yield* own), ...deployed], request, approval)
      })

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
            if (question === null) return yield* attached(decision, limits, grants, request)
            const answer = yield* session.approve(question)
            const approval = answer === "unasked" ? null : answer
            return yield* attached(after(decision, answer), limits, grants, request, approval)
          },
          Effect.catchTag("StorageError", unreadable),
          Effect.catchTag("AuditFailed", ({ message }) => Effect.succeed(blocked(message))),
          Effect.catchDefect(unreadable)
        ),
        renew,
        record,
        note: session.note,
        complete: Effect.fn("EgressPolicy.complete")((decision) =>
          // The record itself stands: it only says less.
          Effect.catch(catalog.completeDecision(decision), (error) =>
            Effect.logWarning("what came of an egress decision could not be recorded", error)
          )
        )
      })
    })
  )

type Deciding = Parameters<typeof verdictOf>

const blocked = (reason: string) => closed(reason, defaultLimits)

const unreadable = (cause: unknown) =>
  Effect.as(
    Effect.logError("the egress policy could not be read", cause),
    blocked("the session's egress policy could not be read")
  )
