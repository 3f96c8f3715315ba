import { Context, Effect, Layer, Ref } from "effect"
import { now } from "../../src/domain/Common.ts"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import { type Networking, noNetworking } from "../../src/domain/Environment.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { compile } from "../../src/egress/decide.ts"
import type { Grant } from "../../src/egress/attach.ts"
import { verdict } from "../../src/egress/injection.ts"
import { EgressPolicy } from "../../src/EgressPolicy.ts"

/** What was recorded so far, oldest first. */
export class Decisions extends Context.Service<Decisions, Effect.Effect<ReadonlyArray<EgressDecision>>>()(
  "ownloop/layers/egress/Recording/Decisions"
) {}

/** For tests: a policy given as a value, whose records stay in memory. Without networking nothing passes. */
export const layer = (
  networking: Networking = noNetworking,
  grants: ReadonlyArray<Grant> = []
): Layer.Layer<EgressPolicy | Decisions> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const policy = compile(networking)
      const decisions = yield* Ref.make<ReadonlyArray<EgressDecision>>([])
      const record = Effect.fn("EgressPolicy.record")(function* (
        decision: Parameters<EgressPolicy["Service"]["record"]>[0]
      ) {
        const created_at = yield* now
        yield* Ref.update(decisions, (all) => [
          ...all,
          {
            type: "egress_decision" as const,
            id: `egrs_${all.length + 1}`,
            session_id: session,
            created_at,
            ...decision
          }
        ])
      })
      return Context.make(Decisions, Ref.get(decisions)).pipe(
        Context.add(EgressPolicy, {
          decide: Effect.fn("EgressPolicy.decide")((request) => Effect.succeed(verdict(policy, grants, request))),
          record
        })
      )
    })
  )

const session = SessionId.make("sesn_recording")
