/**
 * Hosts of URLs, compared and classified. A `URL` has already brought every spelling of an IPv4 address (decimal, octal, hex, short) to
 * dotted form, IPv6 to its shortest form, and names to lower-case punycode; what is left to unify is done here.
 */

/** One spelling for every host: without the trailing dot, IPv4-mapped IPv6 as IPv4. Undefined where it is no host at all. */
export const canonicalHost = (hostname: string): string | undefined => {
  if (hostname.startsWith("[")) return mappedIpv4(hostname) ?? hostname
  const host = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname
  return host.length <= 253 && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(host) ? host : undefined
}

/** The kind of a canonical host that is not on the public internet; undefined where it is. */
export const specialKind = (host: string): string | undefined => {
  if (host.startsWith("[")) return specialIpv6(ipv6Segments(host))
  if (isIpv4(host)) return specialIpv4(ipv4Value(host))
  // A name without a dot is completed by the resolver's search list: `metadata`, `router`.
  if (!host.includes(".")) return "local"
  return localSuffixes.some((suffix) => host.endsWith(suffix)) ? "local" : undefined
}

export const isAddress = (host: string): boolean => host.startsWith("[") || isIpv4(host)

/** RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal` (home of `metadata.google.internal`), and names that home routers answer to. */
const localSuffixes = [".localhost", ".local", ".internal", ".home.arpa", ".localdomain", ".lan"]

const isIpv4 = (host: string) => /^\d+\.\d+\.\d+\.\d+$/.test(host)

const ipv4Value = (host: string) => host.split(".").reduce((value, octet) => value * 256 + Number(octet), 0)

/** IANA's special-purpose registry, and the one public address that is a cloud's metadata service (Azure). */
const ipv4Networks = (
  [
    ["0.0.0.0", 8, "unspecified"],
    ["10.0.0.0", 8, "private"],
    ["100.64.0.0", 10, "carrier-grade NAT"],
    ["127.0.0.0", 8, "loopback"],
    ["168.63.129.16", 32, "metadata"],
    ["169.254.0.0", 16, "link-local"],
    ["172.16.0.0", 12, "private"],
    ["192.0.0.0", 24, "reserved"],
    ["192.0.2.0", 24, "documentation"],
    ["192.88.99.0", 24, "reserved"],
    ["192.168.0.0", 16, "private"],
    ["198.18.0.0", 15, "benchmarking"],
    ["198.51.100.0", 24, "documentation"],
    ["203.0.113.0", 24, "documentation"],
    ["224.0.0.0", 4, "multicast"],
    ["240.0.0.0", 4, "reserved"]
  ] as const
).map(([base, prefix, kind]) => ({ first: ipv4Value(base), size: 2 ** (32 - prefix), kind }))

const specialIpv4 = (value: number) =>
  ipv4Networks.find(({ first, size }) => value >= first && value < first + size)?.kind

/** The eight segments of an IPv6 address as `URL` writes it: in brackets, `::` at most once, never a dotted tail. */
const ipv6Segments = (host: string): ReadonlyArray<number> => {
  const [head = "", tail] = host.slice(1, -1).split("::")
  const left = groups(head)
  if (tail === undefined) return left
  const right = groups(tail)
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}

const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)))

const mappedIpv4 = (host: string): string | undefined => {
  if (!host.startsWith("[::ffff:")) return undefined
  const segments = ipv6Segments(host)
  if (segments.slice(0, 5).some((segment) => segment !== 0) || segments[5] !== 0xffff) return undefined
  return segments
    .slice(6)
    .map((segment) => `${segment >> 8}.${segment & 0xff}`)
    .join(".")
}

/** Only 2000::/3 is public, less the blocks in it that are reserved, documentation, or carry an IPv4 address (6to4, Teredo). */
const specialIpv6 = ([a = 0, b = 0, ...rest]: ReadonlyArray<number>): string | undefined => {
  if (a === 0 && b === 0 && rest.every((segment, index) => segment === (index === 5 ? 1 : 0))) return "loopback"
  if ((a & 0xfe00) === 0xfc00) return "private"
  if ((a & 0xffc0) === 0xfe80) return "link-local"
  if ((a & 0xff00) === 0xff00) return "multicast"
  if ((a & 0xe000) !== 0x2000) return "reserved"
  if (a === 0x2001 && (b < 0x0200 || b === 0x0db8)) return "reserved"
  if (a === 0x2002 || (a === 0x3fff && b < 0x1000)) return "reserved"
  return undefined
}
