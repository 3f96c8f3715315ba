import { canonicalHost, isAddress } from "./address.ts"

/** A parsed `host`, `*.suffix` or `*`, each with an optional `:port`. `key` is its host part in canonical spelling. */
export interface HostPattern {
  readonly key: string
  /** Undefined stands for the port of the request's own scheme. */
  readonly port: number | undefined
}

/** Undefined where the text is no host pattern; such an entry matches nothing. IPv6 addresses need their brackets. */
export const parsePattern = (text: string): HostPattern | undefined => {
  const match = grammar.exec(text)
  if (match === null) return undefined
  const [, wildcard = "", name = "", digits] = match
  const port = digits === undefined ? undefined : Number(digits)
  if (port === 0 || (port !== undefined && port > 65_535)) return undefined
  if (wildcard === "*") return name === "" ? { key: "*", port } : undefined
  const url = URL.parse(`http://${name}/`)
  const host = url === null ? undefined : canonicalHost(url.hostname)
  if (host === undefined || (wildcard !== "" && isAddress(host))) return undefined
  return { key: `${wildcard}${host}`, port }
}

/** The wildcard keys that match a canonical host, the most specific first. */
export const wildcardKeys = (host: string): ReadonlyArray<string> => {
  const keys: Array<string> = []
  if (!isAddress(host)) {
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) keys.push(`*${host.slice(dot)}`)
  }
  keys.push("*")
  return keys
}

const grammar = /^(\*\.|\*)?(\[[0-9a-f:.]+\]|[^\s:/?#@\\*[\]]*)(?::(\d{1,5}))?$/i
