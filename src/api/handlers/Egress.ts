import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Catalog } from "../../Catalog.ts"
import { defaultLimits, type PolicyLimits } from "../../domain/Policy.ts"
import { boundaryOf } from "../../egress/boundary.ts"
import { type Boundary, decide, type Decision, limitsOf } from "../../egress/decide.ts"
import { compilePolicy, parseRules } from "../../egress/policy.ts"
import { ruleSet, type RuleSet } from "../../egress/rules.ts"
import { namedBy } from "../../egress/verdict.ts"
import { Api } from "../Contract.ts"
import type { EgressTest, EgressTestResult } from "../Egress.ts"
import { InvalidRequest, NotFound } from "../Errors.ts"
import { paginate, timeRange } from "../Paging.ts"
import { orInternal } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "egress",
  Effect.fnUntraced(function* (handlers) {
    const catalog = yield* Catalog

    /** Fails with why nothing would pass. */
    const boundary = Effect.fnUntraced(function* (input: typeof EgressTest.Type) {
      const { policy, policy_id, version, environment_id, agent_id } = input
      if (policy) {
        const limits = policy.limits ?? {}
        const entries = parseRules({ rules: policy.rules, limits })
        if (Result.isFailure(entries)) return yield* new InvalidRequest({ message: `policy.${entries.failure}` })
        return Result.succeed(alone(ruleSet(entries.success, limits)))
      }
      if (policy_id) {
        const stored = yield* catalog.policy(policy_id, version ?? undefined)
        if (Option.isNone(stored)) {
          const what = version ? `version ${version} of policy ${policy_id}` : `policy ${policy_id}`
          return yield* new NotFound({ message: `policy_id: ${what} does not exist` })
        }
        return Result.map(compilePolicy(stored.value), alone)
      }
      const agent = agent_id ? yield* catalog.agent(agent_id) : Option.none()
      if (agent_id && Option.isNone(agent)) {
        return yield* new NotFound({ message: `agent_id: agent ${agent_id} does not exist` })
      }
      const policyIds = Option.match(agent, { onNone: () => [], onSome: ({ policy_ids = [] }) => policy_ids })
      const stored = yield* catalog.boundary(environment_id!, policyIds) // The schema lets one of the three pass.
      if (Option.isNone(stored.environment)) {
        return yield* new NotFound({ message: `environment_id: environment ${environment_id} does not exist` })
      }
      return boundaryOf(stored, policyIds)
    })

    const test = Effect.fn("Egress.test")(function* (input: typeof EgressTest.Type) {
      const decides = yield* boundary(input)
      const request = { method: input.request.method ?? "GET", url: new URL(input.request.url) }
      return Result.isFailure(decides)
        ? result({ effect: "deny", reason: decides.failure, rule: null, via: null }, defaultLimits)
        : result(decide(decides.success, request), limitsOf(decides.success))
    }, orInternal)

    return handlers.handleAll({
      test: ({ payload }) => test(payload),
      decisions: ({ query }) =>
        paginate(
          "decisions",
          query,
          (page) =>
            catalog.decisions({
              ...page,
              ...(query.session_id === undefined ? {} : { sessionId: query.session_id }),
              ...(query.agent_id === undefined ? {} : { agentId: query.agent_id }),
              ...(query.outcome === undefined ? {} : { outcome: query.outcome }),
              ...(query.host === undefined ? {} : { host: query.host.toLowerCase() }),
              createdAt: timeRange(query)
            }),
          ({ id }) => id
        ).pipe(orInternal)
    })
  })
)

const alone = (rules: RuleSet): Boundary => ({ environment: [rules], agent: [] })

const outcomes = { allow: "allowed", deny: "blocked", ask: "ask" } as const

const result = ({ effect, reason, rule, via }: Decision, limits: PolicyLimits): typeof EgressTestResult.Type => ({
  type: "egress_test_result",
  outcome: outcomes[effect],
  reason,
  ...namedBy(rule),
  via: via?.type ?? null,
  limits
})
