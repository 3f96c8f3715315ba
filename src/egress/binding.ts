import { canonicalHost } from "./address.ts"
import { type HostPattern, wildcardKeys } from "./pattern.ts"

/** What a credential may be attached to, over https only. Absent methods and paths: all. */
export interface Binding {
  /** `any`: wherever the policy lets a request go. */
  readonly hosts: ReadonlyArray<HostPattern> | "any"
  readonly methods?: ReadonlyArray<string>
  /** `/v1/items`, or all below one: `/v1/items/*`. */
  readonly paths?: ReadonlyArray<string>
}

/** How narrowly the binding names the request's host; undefined where it does not cover the request. */
export const precisionOf = (
  { hosts, methods, paths }: Binding,
  { method, url }: { readonly method: string; readonly url: URL }
): number | undefined => {
  if (url.protocol !== "https:") return undefined
  if (methods !== undefined && !methods.includes(method)) return undefined
  if (paths !== undefined && !paths.some((path) => covers(path, url.pathname))) return undefined
  if (hosts === "any") return 0
  const host = canonicalHost(url.hostname)
  if (host === undefined) return undefined
  const port = url.port === "" ? 443 : Number(url.port)
  const bound = new Set(hosts.filter((pattern) => (pattern.port ?? 443) === port).map(({ key }) => key))
  const key = [host, ...wildcardKeys(host)].find((key) => bound.has(key))
  // An exact host beats every wildcard, and a longer one a shorter one.
  return key === undefined ? undefined : key === host ? 1_000 : key.length
}

const covers = (pattern: string, path: string) => {
  // A service may take these for what they encode, and so for another path than the one that is compared here.
  if (/%(?:2e|2f|5c|00)|\/\//i.test(path)) return false
  return pattern.endsWith("/*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern
}
