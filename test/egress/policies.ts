import { Result } from "effect"
import type { PolicyLimits, PolicyRule } from "../../src/domain/Policy.ts"
import { type Boundary, decide } from "../../src/egress/decide.ts"
import { parseRules } from "../../src/egress/policy.ts"
import { ruleSet } from "../../src/egress/rules.ts"

/** Rules as a policy has them; throws where one is none. */
export const rulesOf = (rules: ReadonlyArray<PolicyRule>, limits: PolicyLimits = {}) =>
  ruleSet(
    Result.getOrThrowWith(parseRules({ rules, limits }), (problem) => new Error(problem)),
    limits
  )

/** What decides where the environment has these policies, and the agent those. */
export const boundary = (
  environment: ReadonlyArray<ReadonlyArray<PolicyRule>>,
  agent: ReadonlyArray<ReadonlyArray<PolicyRule>> = []
): Boundary => ({
  environment: environment.map((rules) => rulesOf(rules)),
  agent: agent.map((rules) => rulesOf(rules))
})

export const effectOf = (boundary: Boundary, url: string, method = "GET") =>
  decide(boundary, { method, url: new URL(url) }).effect
