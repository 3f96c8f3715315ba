import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { now } from "../../src/domain/Common.ts"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import { type Networking, noNetworking } from "../../src/domain/Environment.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type { Grant } from "../../src/egress/attach.ts"
import type { Boundary } from "../../src/egress/decide.ts"
import { compileNetworking } from "../../src/egress/networking.ts"
import { renewAll } from "../../src/egress/record.ts"
import { verdict } from "../../src/egress/verdict.ts"
import { EgressPolicy, type EgressRecord } from "../../src/EgressPolicy.ts"

/** What was recorded so far, oldest first. */
export class Decisions extends Context.Service<Decisions, Effect.Effect<ReadonlyArray<EgressDecision>>>()(
  "ownloop/layers/egress/Recording/Decisions"
) {}

/** For tests: networking given as a value, and records that stay in memory. Without networking nothing passes. */
export const layer = (
  networking: Networking = noNetworking,
  grants: ReadonlyArray<Grant> = []
): Layer.Layer<EgressPolicy | Decisions> =>
  layerBoundary({ environment: [compileNetworking(networking)], agent: [] }, grants)

/** The same for whatever rules. */
export const layerBoundary = (
  boundary: Boundary,
  grants: ReadonlyArray<Grant> = []
): Layer.Layer<EgressPolicy | Decisions> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const decisions = yield* Ref.make<ReadonlyArray<EgressDecision>>([])
      const record = Effect.fn("EgressPolicy.record")(function* (decision: EgressRecord) {
        const created_at = yield* now
        return yield* Ref.modify(decisions, (all) => {
          const recorded: EgressDecision = { ...unknown, id: `egrs_${all.length + 1}`, created_at, ...decision }
          return [recorded, [...all, recorded]]
        })
      })
      const complete = (name: string) =>
        Effect.fn(name)((known: EgressDecision) =>
          Ref.update(decisions, (all) => all.map((decision) => (decision.id === known.id ? known : decision)))
        )
      const note = complete("EgressPolicy.note")
      return Context.make(Decisions, Ref.get(decisions)).pipe(
        Context.add(EgressPolicy, {
          decide: Effect.fn("EgressPolicy.decide")((request) => Effect.succeed(verdict(boundary, grants, request))),
          renew: renewAll({ record, note }),
          record,
          note,
          complete: complete("EgressPolicy.complete")
        })
      )
    })
  )

const unknown = {
  type: "egress_decision",
  session_id: SessionId.make("sesn_recording"),
  agent_id: null,
  tool_use_id: null,
  bytes_out: null,
  bytes_in: null,
  duration_ms: null
} as const
