import type { PolicyWarning } from "../domain/Policy.ts"
import { specialKind } from "./address.ts"
import { containsPath } from "./path.ts"
import type { Entry, Rule } from "./rules.ts"

/** What the author of these rules may not have meant. Looks at pairs: that several rules together cover another is not seen. */
export const warningsOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<PolicyWarning> => [
  ...entries.flatMap((entry, place) => unreachable(entries, entry, place)),
  ...entries.flatMap((entry, place) => overlaps(entries, entry, place))
]

const unreachable = (entries: ReadonlyArray<Entry>, entry: Entry, place: number): ReadonlyArray<PolicyWarning> => {
  const { key, rule } = entry
  if (key.startsWith("*.") && rule.effect !== "deny" && specialKind(`any${key.slice(1)}`) !== undefined) {
    const message = `rules[${place}] never matches: a host that is not on the public internet must be named exactly`
    return [{ type: "unreachable", rules: [place], message }]
  }
  const by = entries.findIndex((other, at) => at !== place && contains(other, entry) && wins(other, at, entry, place))
  if (by === -1) return []
  const message = `rules[${place}] never decides: whatever it matches, rules[${by}] matches too, and goes first`
  return [{ type: "unreachable", rules: [place, by], message }]
}

/** Within one host pattern the rank decides, and between equals the order; a wider host pattern never goes first. */
const wins = (a: Entry, aPlace: number, b: Entry, bPlace: number) =>
  a.key === b.key && (a.rule.rank > b.rule.rank || (a.rule.rank === b.rule.rank && aPlace < bPlace))

/** Two rules with different effects, of which each matches something that the other does not: which one wins is easily misjudged. */
const overlaps = (entries: ReadonlyArray<Entry>, entry: Entry, place: number): ReadonlyArray<PolicyWarning> =>
  entries.slice(place + 1).flatMap((other, offset): ReadonlyArray<PolicyWarning> => {
    const at = place + 1 + offset
    if (other.rule.effect === entry.rule.effect || !intersects(entry, other)) return []
    if (contains(entry, other) || contains(other, entry)) return []
    const [first, second] = goesFirst(entry, other) ? [place, at] : [at, place]
    const message = `rules[${place}] and rules[${at}] both match some requests: there rules[${first}] decides, and not rules[${second}]`
    return [{ type: "overlap", rules: [place, at], message }]
  })

const goesFirst = (a: Entry, b: Entry) => (a.key === b.key ? a.rule.rank >= b.rule.rank : containsHost(b.key, a.key))

const contains = (outer: Entry, inner: Entry) =>
  containsHost(outer.key, inner.key) &&
  (outer.rule.scheme === null || outer.rule.scheme === inner.rule.scheme) &&
  containsPort(outer.rule, inner.rule) &&
  containsMethods(outer.rule.methods, inner.rule.methods) &&
  containsPath(outer.rule.path, inner.rule.path)

const intersects = (a: Entry, b: Entry) =>
  (containsHost(a.key, b.key) || containsHost(b.key, a.key)) &&
  (a.rule.scheme === null || b.rule.scheme === null || a.rule.scheme === b.rule.scheme) &&
  sharesPort(a.rule, b.rule) &&
  (a.rule.methods === null || b.rule.methods === null || shares(a.rule.methods, b.rule.methods)) &&
  (containsPath(a.rule.path, b.rule.path) || containsPath(b.rule.path, a.rule.path))

const containsHost = (outer: string, inner: string) =>
  outer === inner || outer === "*" || (outer.startsWith("*.") && inner.endsWith(outer.slice(1)))

const containsMethods = (outer: Rule["methods"], inner: Rule["methods"]) =>
  outer === null || (inner !== null && [...inner].every((method) => outer.has(method)))

const shares = <A>(a: ReadonlySet<A>, b: ReadonlySet<A>) => [...a].some((item) => b.has(item))

/** The ports that a rule can match, where they are known: of both schemes, or of its own. */
const portsOf = ({ port, scheme }: Rule): ReadonlySet<number> | null =>
  port === "any"
    ? null
    : port === "scheme"
      ? new Set(scheme === "https" ? [443] : scheme === "http" ? [80] : [80, 443])
      : new Set([port])

const containsPort = (outer: Rule, inner: Rule) => {
  if (outer.port === "any" || outer.port === inner.port) return true
  // The port of a scheme is one only together with that scheme.
  if (outer.port !== "scheme" || inner.scheme === null) return false
  return portsOf({ ...inner, port: "scheme" })!.has(Number(inner.port))
}

const sharesPort = (a: Rule, b: Rule) => {
  const [first, second] = [portsOf(a), portsOf(b)]
  return first === null || second === null || shares(first, second)
}
