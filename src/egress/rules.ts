import * as Result from "effect/Result"
import type { PolicyId } from "../domain/Ids.ts"
import type { PolicyEffect, PolicyLimits, PolicyRule, Via } from "../domain/Policy.ts"
import { parsePath, type PathPattern } from "./path.ts"
import { parsePattern } from "./pattern.ts"

/** A rule made ready to decide by. */
export interface Rule {
  readonly effect: PolicyEffect
  readonly scheme: "http" | "https" | null
  /** A number, the port of the request's own scheme, or every port. */
  readonly port: number | "scheme" | "any"
  /** In capitals; null is all. */
  readonly methods: ReadonlySet<string> | null
  readonly path: PathPattern | null
  readonly via: Via | null
  /** Among the rules of one host pattern the highest wins: the most specific, and of equals the strictest. */
  readonly rank: number
  /** Where it stands, for the audit: `allowed_hosts: example.com`, `rules[2]`. */
  readonly name: string
  readonly policy: PolicyRef | null
}

/** A version of a policy. */
export interface PolicyRef {
  readonly id: PolicyId
  readonly version: string
}

/** Rules under the host pattern they match (`host`, `*.suffix` or `*`), the winners first. */
export interface RuleSet {
  readonly rules: ReadonlyMap<string, ReadonlyArray<Rule>>
  readonly limits: PolicyLimits
}

/** A rule under its host pattern. */
export interface Entry {
  readonly key: string
  readonly rule: Rule
}

export const ruleSet = (entries: Iterable<Entry>, limits: PolicyLimits = {}): RuleSet => {
  const rules = new Map<string, Array<Rule>>()
  for (const { key, rule } of entries) {
    const known = rules.get(key)
    if (known === undefined) rules.set(key, [rule])
    else known.push(rule)
  }
  for (const list of rules.values()) list.sort((a, b) => b.rank - a.rank)
  return { rules, limits }
}

/** Fails, naming the field, where a rule is not one. */
export const parseRule = (rule: PolicyRule, place: number, policy: PolicyRef | null): Result.Result<Entry, string> => {
  const name = `rules[${place}]`
  const pattern = parsePattern(rule.host)
  if (pattern === undefined || pattern.port !== undefined) return Result.fail(`${name}.host: ${noHost}`)
  const path = rule.path === undefined ? null : parsePath(rule.path)
  if (path === undefined) return Result.fail(`${name}.path: ${noPath}`)
  if (typeof rule.port === "number" && !(rule.port >= 1 && rule.port <= 65_535)) {
    return Result.fail(`${name}.port: is not between 1 and 65535`)
  }
  if (rule.methods?.length === 0 || rule.methods?.some((method) => !isMethod(method))) {
    return Result.fail(`${name}.methods: ${noMethods}`)
  }
  if (rule.via !== undefined && rule.effect === "deny") return Result.fail(`${name}.via: goes with allow and ask only`)
  const parts = {
    effect: rule.effect,
    scheme: rule.scheme ?? null,
    port: rule.port ?? ("scheme" as const),
    methods: rule.methods === undefined ? null : new Set(rule.methods.map((method) => method.toUpperCase())),
    path,
    via: rule.via ?? null
  }
  return Result.succeed({ key: pattern.key, rule: { ...parts, rank: rankOf(parts), name, policy } })
}

/** The path counts most, then the method, the port and the scheme; where all are equal `deny` is before `ask`, and `ask` before `allow`. */
export const rankOf = (rule: Pick<Rule, "effect" | "scheme" | "port" | "methods" | "path">): number => {
  const path = rule.path === null ? 0 : 2 * rule.path.plain.length + (rule.path.isPrefix ? 0 : 1) + 1
  const port = rule.port === "any" ? 0 : rule.port === "scheme" ? 1 : 2
  const specificity = ((path * 2 + (rule.methods === null ? 0 : 1)) * 3 + port) * 2 + (rule.scheme === null ? 0 : 1)
  return specificity * 3 + strictness[rule.effect]
}

export const strictness = { allow: 0, ask: 1, deny: 2 } as const satisfies Record<PolicyEffect, number>

/** TRACE answers with the request's headers, an injected credential among them; CONNECT would open a tunnel past the gateway. */
export const isForbiddenMethod = (method: string): boolean => /^(?:connect|trace|track)$/i.test(method)

const isMethod = (method: string) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/.test(method) && !isForbiddenMethod(method)

const noHost = "is not a host: write example.com, *.example.com or *, without scheme, port and path"
const noPath = "is not a path: write /one/path, or /all/below/* with the only * at its end, without query"
const noMethods = "must name at least one method; CONNECT, TRACE and TRACK never pass"
