import type { EgressRequest, Verdict } from "../EgressPolicy.ts"
import type { EgressApproval } from "../domain/Egress.ts"
import type { PolicyLimits } from "../domain/Policy.ts"
import { type Boundary, type Decision, decide, limitsOf } from "./decide.ts"
import { attachedTo, type Injections } from "./injection.ts"
import type { Rule } from "./rules.ts"

/** What a session's rules and the deployment's credentials say of a request. Credentials never make one pass. */
export const verdict = (boundary: Boundary, injections: Injections, request: EgressRequest): Verdict =>
  verdictOf(decide(boundary, request), limitsOf(boundary), injections, request)

export const verdictOf = (
  decision: Decision,
  limits: Required<PolicyLimits>,
  injections: Injections,
  request: EgressRequest,
  approval: EgressApproval | null = null
): Verdict => {
  const { effect, reason, via } = decision
  const said = { reason, rule: namedBy(decision.rule), approval, limits }
  if (effect !== "allow") return { ...said, outcome: "blocked" }
  const headers = attachedTo(injections, request.url)
  return headers === undefined ? { ...said, outcome: "allowed", via } : { ...said, outcome: "injected", via, headers }
}

/** Where nothing could be decided: closed. */
export const closed = (reason: string, limits: Required<PolicyLimits>): Verdict => ({
  outcome: "blocked",
  reason,
  rule: namedBy(null),
  approval: null,
  limits
})

export const namedBy = (rule: Rule | null): Verdict["rule"] => ({
  policy_id: rule?.policy?.id ?? null,
  policy_version: rule?.policy?.version ?? null,
  rule: rule?.name ?? null
})
