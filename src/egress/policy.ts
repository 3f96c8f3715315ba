import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Digest from "effect/crypto/Digest"
import type { Policy, PolicyLimits, PolicyRule } from "../domain/Policy.ts"
import { type Entry, type PolicyRef, parseRule, type RuleSet, ruleSet } from "./rules.ts"
import { warningsOf } from "./warnings.ts"

/** What decides of a policy. */
export interface PolicyContent {
  readonly rules: ReadonlyArray<PolicyRule>
  readonly limits: PolicyLimits
}

/** The rules of a policy, each under its host pattern, in the policy's order. Fails, naming the field, with the first that is not one. */
export const parseRules = (
  { rules }: PolicyContent,
  policy: PolicyRef | null = null
): Result.Result<ReadonlyArray<Entry>, string> => {
  const entries: Array<Entry> = []
  for (const [place, rule] of rules.entries()) {
    const parsed = parseRule(rule, place, policy)
    if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
    entries.push(parsed.success)
  }
  return Result.succeed(entries)
}

/** A stored policy made ready to decide by. */
export const compilePolicy = (
  policy: Pick<Policy, "id" | "version" | "rules" | "limits">
): Result.Result<RuleSet, string> =>
  Result.map(parseRules(policy, policy), (entries) => ruleSet(entries, policy.limits))

/** What follows from a policy's content alone: the hash that names it, one for all ways to write the same, and what its author should know. */
export const derived = Effect.fnUntraced(function* ({ rules, limits }: PolicyContent, entries: ReadonlyArray<Entry>) {
  const text = JSON.stringify(sorted({ rules, limits }))
  const digest = yield* Digest.Digest
  const version = yield* Effect.orDie(digest.digestHex(Digest.sha256, new TextEncoder().encode(text)))
  return { version, warnings: warningsOf(entries) }
})

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]))
}
