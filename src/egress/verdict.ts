import * as Result from "effect/Result"
import type { EgressRequest, Verdict } from "../EgressPolicy.ts"
import type { EgressApproval } from "../domain/Egress.ts"
import type { PolicyLimits } from "../domain/Policy.ts"
import { attach, type Grant } from "./attach.ts"
import { type Boundary, type Decision, decide, limitsOf } from "./decide.ts"
import type { Rule } from "./rules.ts"

/** What a session's rules say of a request, and what of its credentials goes with it. Credentials never make one pass. */
export const verdict = (boundary: Boundary, grants: ReadonlyArray<Grant>, request: EgressRequest): Verdict =>
  verdictOf(decide(boundary, request), limitsOf(boundary), grants, request)

export const verdictOf = (
  decision: Decision,
  limits: Required<PolicyLimits>,
  grants: ReadonlyArray<Grant>,
  request: EgressRequest,
  approval: EgressApproval | null = null
): Verdict => {
  const { effect, reason, via } = decision
  const said = { reason, rule: namedBy(decision.rule), approval, limits }
  if (effect !== "allow") return { ...said, outcome: "blocked" }
  return Result.match(attach(grants, request), {
    onFailure: (reason) => blockedBy(said, reason),
    onSuccess: (attachment) => ({
      ...said,
      outcome: attachment.names.length === 0 ? "allowed" : "injected",
      via,
      attachment
    })
  })
}

/** Where nothing could be decided: closed. */
export const closed = (reason: string, limits: Required<PolicyLimits>): Verdict => ({
  outcome: "blocked",
  reason,
  rule: namedBy(null),
  approval: null,
  limits
})

/** Where something else keeps the request from being sent. */
export const blockedBy = (
  { approval, limits, rule }: Pick<Verdict, "approval" | "limits" | "rule">,
  reason: string
): Verdict => ({ outcome: "blocked", reason, rule, approval, limits })

export const namedBy = (rule: Rule | null): Verdict["rule"] => ({
  policy_id: rule?.policy?.id ?? null,
  policy_version: rule?.policy?.version ?? null,
  rule: rule?.name ?? null
})
