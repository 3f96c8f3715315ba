import type { Networking } from "../domain/Environment.ts"
import { packageManagerHosts } from "./packageManagers.ts"
import { parsePattern } from "./pattern.ts"
import { type Rule, rankOf, type RuleSet, ruleSet } from "./rules.ts"

/** An environment's `networking` as rules. An entry of `allowed_hosts` that is no host pattern allows nothing. */
export const compileNetworking = (networking: Networking): RuleSet => {
  if (networking.type === "unrestricted") return ruleSet([{ key: "*", rule: allow("unrestricted networking", "any") }])
  const listed = networking.allowed_hosts.flatMap((entry) => {
    const pattern = parsePattern(entry)
    return pattern === undefined
      ? []
      : [{ key: pattern.key, rule: allow(`allowed_hosts: ${entry}`, pattern.port ?? "scheme") }]
  })
  const managers = networking.allow_package_managers ? packageManagerHosts : []
  const registries = managers.flatMap(({ hosts, manager }) =>
    hosts.map((key) => ({ key, rule: allow(`allow_package_managers: ${manager}`, "scheme") }))
  )
  return ruleSet([...listed, ...registries])
}

const allow = (name: string, port: Rule["port"]): Rule => {
  const parts = { effect: "allow", scheme: null, port, methods: null, path: null, via: null } as const
  return { ...parts, rank: rankOf(parts), name, policy: null }
}
