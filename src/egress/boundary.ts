import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Environment } from "../domain/Environment.ts"
import type { PolicyId } from "../domain/Ids.ts"
import type { Policy } from "../domain/Policy.ts"
import type { Boundary } from "./decide.ts"
import { compileNetworking } from "./networking.ts"
import { compilePolicy } from "./policy.ts"
import type { RuleSet } from "./rules.ts"

/** Everything that decides about a session's requests, as the catalog has it. */
export interface Stored {
  readonly environment: Option.Option<Environment>
  readonly policies: ReadonlyArray<Policy>
}

/** Fails with the reason where a part is missing, archived or broken: then nothing passes. */
export const boundaryOf = (
  { environment, policies }: Stored,
  agentPolicyIds: ReadonlyArray<PolicyId>
): Result.Result<Boundary, string> => {
  if (Option.isNone(environment)) return Result.fail("the session's environment does not exist")
  const { networking, policy_ids = [] } = environment.value.config
  const compiled = (ids: ReadonlyArray<PolicyId>) =>
    Result.all(
      ids.map((id) => {
        const policy = policies.find((policy) => policy.id === id)
        return policy === undefined ? Result.fail(`the policy ${id} does not exist`) : compiledPolicy(policy)
      })
    )
  return Result.gen(function* () {
    return {
      environment: [compiledNetworking(networking), ...(yield* compiled(policy_ids))],
      agent: yield* compiled(agentPolicyIds)
    }
  })
}

/** A value is compiled once: the catalog answers the same one as long as nothing changes. */
const once = <A extends object, B>(make: (value: A) => B): ((value: A) => B) => {
  const made = new WeakMap<A, B>()
  return (value) => {
    const known = made.get(value)
    if (known !== undefined) return known
    const fresh = make(value)
    made.set(value, fresh)
    return fresh
  }
}

const compiledNetworking = once(compileNetworking)

const compiledPolicy = once((policy: Policy): Result.Result<RuleSet, string> => {
  if (policy.archived_at !== null) return Result.fail(`the policy ${policy.id} is archived`)
  return Result.mapError(compilePolicy(policy), (detail) => `the policy ${policy.id} is broken: ${detail}`)
})
