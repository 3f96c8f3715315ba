import type { Networking } from "../domain/Environment.ts"
import type { EgressRequest } from "../EgressPolicy.ts"
import { canonicalHost, specialKind } from "./address.ts"
import { packageManagerHosts } from "./packageManagers.ts"
import { parsePattern, wildcardKeys } from "./pattern.ts"

/** Networking made ready to decide by: rules under the host pattern they match (`host`, `*.suffix` or `*`). */
export interface Policy {
  readonly rules: ReadonlyMap<string, ReadonlyArray<Rule>>
}

interface Rule {
  /** A number, the port of the request's own scheme, or every port. */
  readonly port: number | "scheme" | "any"
  /** Where it comes from, for the audit. */
  readonly name: string
}

export interface Decision {
  readonly outcome: "allowed" | "blocked"
  readonly reason: string
}

/** An entry of `allowed_hosts` that is no host pattern allows nothing. */
export const compile = (networking: Networking): Policy => {
  const rules = new Map<string, Array<Rule>>()
  const add = (key: string, rule: Rule) => void rules.set(key, [...(rules.get(key) ?? []), rule])
  if (networking.type === "unrestricted") {
    add("*", { port: "any", name: "unrestricted networking" })
    return { rules }
  }
  for (const entry of networking.allowed_hosts) {
    const pattern = parsePattern(entry)
    if (pattern !== undefined) add(pattern.key, { port: pattern.port ?? "scheme", name: `allowed_hosts: ${entry}` })
  }
  if (networking.allow_package_managers) {
    for (const { hosts, manager } of packageManagerHosts) {
      for (const host of hosts) add(host, { port: "scheme", name: `allow_package_managers: ${manager}` })
    }
  }
  return { rules }
}

/**
 * Whether a request passes, and why: nothing does without a rule. A host that is not on the public internet passes only where a rule names
 * it; a wildcard does not. Pure, and defined for every request.
 */
export const decide = (policy: Policy, { method, url }: EgressRequest): Decision => {
  const schemePort = portOfScheme(url.protocol)
  if (schemePort === undefined) return blocked("only http and https pass")
  // TRACE answers with the request's headers, an injected credential among them; CONNECT would open a tunnel past the gateway.
  if (/^(?:connect|trace|track)$/i.test(method)) return blocked(`the method ${method} does not pass`)
  if (url.username !== "" || url.password !== "") return blocked("a user name or password in the URL does not pass")
  const host = canonicalHost(url.hostname)
  if (host === undefined) return blocked("the URL names no host")
  const port = url.port === "" ? schemePort : Number(url.port)

  let hostIsKnown = false
  const ruleOf = (key: string) => {
    const rules = policy.rules.get(key)
    hostIsKnown ||= rules !== undefined
    return rules?.find((rule) => rule.port === "any" || port === (rule.port === "scheme" ? schemePort : rule.port))
  }
  const named = ruleOf(host)
  if (named !== undefined) return { outcome: "allowed", reason: named.name }
  const kind = specialKind(host)
  if (kind !== undefined)
    return blocked(hostIsKnown ? wrongPort(host, port) : `a ${kind} address passes only where a rule names it`)
  for (const key of wildcardKeys(host)) {
    const rule = ruleOf(key)
    if (rule !== undefined) return { outcome: "allowed", reason: rule.name }
  }
  return blocked(hostIsKnown ? wrongPort(host, port) : "no rule allows this host")
}

export const portOfScheme = (protocol: string): number | undefined =>
  protocol === "https:" ? 443 : protocol === "http:" ? 80 : undefined

const blocked = (reason: string): Decision => ({ outcome: "blocked", reason })

const wrongPort = (host: string, port: number) => `${host} is allowed, but not on port ${port} over this scheme`
