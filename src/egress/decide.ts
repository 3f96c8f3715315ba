import { defaultLimits, type PolicyEffect, type PolicyLimits, type Via } from "../domain/Policy.ts"
import type { EgressRequest } from "../EgressPolicy.ts"
import { canonicalHost, specialKind } from "./address.ts"
import { matchesPath, type PathReading, readPath } from "./path.ts"
import { wildcardKeys } from "./pattern.ts"
import { isForbiddenMethod, type Rule, type RuleSet, strictness } from "./rules.ts"

/**
 * Everything that decides about one session's requests, in the order in which it is asked:
 *
 * 1. What never passes: other schemes than http and https, CONNECT and TRACE, a user name in the URL.
 * 2. `environment`: its `networking` and its policies, as one set of rules. The most specific rule wins: by host, then path, method, port and
 *    scheme; of equals the strictest. Without a rule nothing passes, and a host that is not on the public internet passes only by an
 *    `allow` or `ask` that names it exactly.
 * 3. `agent`: its policies, as another set. Where there are any, they are asked too, and the stricter answer counts: an agent's policies
 *    narrow what its environment lets through, and never widen it.
 */
export interface Boundary {
  readonly environment: ReadonlyArray<RuleSet>
  readonly agent: ReadonlyArray<RuleSet>
}

export interface Decision {
  readonly effect: PolicyEffect
  readonly reason: string
  /** The rule that decided; null where none matched, or none may. */
  readonly rule: Rule | null
  /** Where it goes if it passes: as the environment's rule says, or else the agent's. */
  readonly via: Via | null
}

/** Pure, and defined for every request. Where a path can be read in two ways the stricter outcome counts. */
export const decide = (boundary: Boundary, { method, url }: EgressRequest): Decision => {
  const schemePort = portOfScheme(url.protocol)
  if (schemePort === undefined) return denied("only http and https pass")
  if (isForbiddenMethod(method)) return denied(`the method ${method} does not pass`)
  if (url.username !== "" || url.password !== "") return denied("a user name or password in the URL does not pass")
  const host = canonicalHost(url.hostname)
  if (host === undefined) return denied("the URL names no host")
  const subject: Subject = {
    host,
    kind: specialKind(host),
    wildcards: wildcardKeys(host),
    scheme: schemePort === 443 ? "https" : "http",
    schemePort,
    port: url.port === "" ? schemePort : Number(url.port),
    method: method.toUpperCase(),
    path: readPath(url.pathname)
  }
  const decision = decideIn(boundary.environment, subject)
  if (boundary.agent.length === 0 || decision.effect === "deny") return decision
  const narrowed = decideIn(boundary.agent, subject)
  const via = decision.via ?? narrowed.via
  return strictness[narrowed.effect] > strictness[decision.effect]
    ? { ...narrowed, reason: `the agent's policies: ${narrowed.reason}`, via }
    : { ...decision, via }
}

/** The smallest of all limits. */
export const limitsOf = ({ environment, agent }: Boundary): Required<PolicyLimits> => {
  const limits = { ...defaultLimits }
  const names = Object.keys(limits) as Array<keyof PolicyLimits> // They are its own.
  for (const name of names) {
    const set = [...environment, ...agent].flatMap(({ limits }) => limits[name] ?? [])
    if (set.length > 0) limits[name] = Math.min(...set)
  }
  return limits
}

export const portOfScheme = (protocol: string): number | undefined =>
  protocol === "https:" ? 443 : protocol === "http:" ? 80 : undefined

interface Subject {
  readonly host: string
  /** Of a host that is not on the public internet. */
  readonly kind: string | undefined
  readonly wildcards: ReadonlyArray<string>
  readonly scheme: "http" | "https"
  readonly schemePort: number
  readonly port: number
  readonly method: string
  readonly path: PathReading
}

const decideIn = (sets: ReadonlyArray<RuleSet>, subject: Subject): Decision => {
  const decision = decideReading(sets, subject, "plain")
  if (subject.path.loose === subject.path.plain) return decision
  const loosely = decideReading(sets, subject, "loose")
  return strictness[loosely.effect] > strictness[decision.effect]
    ? { ...loosely, reason: `the path can be read in another way, and then: ${loosely.reason}` }
    : decision
}

const decideReading = (sets: ReadonlyArray<RuleSet>, subject: Subject, reading: "plain" | "loose"): Decision => {
  const named = winner(sets, subject.host, subject, reading)
  if (named !== undefined) return by(named)
  for (const key of subject.wildcards) {
    const rule = winner(sets, key, subject, reading)
    if (rule !== undefined && (subject.kind === undefined || rule.effect === "deny")) return by(rule)
  }
  return denied(whyNone(sets, subject))
}

const winner = (sets: ReadonlyArray<RuleSet>, key: string, subject: Subject, reading: "plain" | "loose") => {
  let best: Rule | undefined
  for (const { rules } of sets) {
    const rule = rules.get(key)?.find((rule) => matches(rule, subject, reading))
    if (rule !== undefined && (best === undefined || rule.rank > best.rank)) best = rule
  }
  return best
}

const matches = (rule: Rule, { method, path, port, scheme, schemePort }: Subject, reading: "plain" | "loose") =>
  (rule.port === "any" || port === (rule.port === "scheme" ? schemePort : rule.port)) &&
  (rule.scheme === null || rule.scheme === scheme) &&
  (rule.methods === null || rule.methods.has(method)) &&
  (rule.path === null || matchesPath(rule.path, reading, path))

const by = (rule: Rule): Decision => ({
  effect: rule.effect,
  reason: rule.policy === null ? rule.name : `${rule.policy.id} ${rule.name}`,
  rule,
  via: rule.via
})

const denied = (reason: string): Decision => ({ effect: "deny", reason, rule: null, via: null })

/** What is missing: of a host that some rule lets through, what else of the request does not fit. */
const whyNone = (sets: ReadonlyArray<RuleSet>, { host, kind, port, schemePort, wildcards }: Subject): string => {
  const keys = kind === undefined ? [host, ...wildcards] : [host]
  const known = sets
    .flatMap(({ rules }) => keys.flatMap((key) => rules.get(key) ?? []))
    .filter(({ effect }) => effect !== "deny")
  if (known.length === 0) {
    return kind === undefined ? "no rule allows this host" : `a ${kind} address passes only where a rule names it`
  }
  const onPort = known.some((rule) => rule.port === "any" || port === (rule.port === "scheme" ? schemePort : rule.port))
  return onPort
    ? `${host} is allowed, but not with this scheme, method and path`
    : `${host} is allowed, but not on port ${port} over this scheme`
}
