/**
 * Paths of URLs, compared as servers may read them. A `URL` has resolved the dot segments that it can see; a server may also decode `%2e` and
 * `%2f`, take `\` for `/`, join slashes, and drop what follows `;` or a null byte. So an unusual path has two readings.
 */

export interface PathReading {
  /** As it is written, in one spelling of percent encoding. */
  readonly plain: string
  /** As the most lenient server would read it. */
  readonly loose: string
}

export interface PathPattern extends PathReading {
  readonly isPrefix: boolean
}

export const readPath = (pathname: string): PathReading => {
  const plain = pathname.includes("%") ? spelled(pathname) : pathname
  return { plain, loose: unusual.test(plain) ? loosened(plain) : plain }
}

/** `/a/b`, or `/a/*` for what begins with `/a/`; undefined where the text is no such pattern. */
export const parsePath = (text: string): PathPattern | undefined => {
  const isPrefix = text.endsWith("*")
  const path = isPrefix ? text.slice(0, -1) : text
  if (!grammar.test(path)) return undefined
  const { pathname } = new URL(`http://host${path}`)
  return { ...readPath(pathname), isPrefix }
}

export const matchesPath = (pattern: PathPattern, reading: "plain" | "loose", path: PathReading): boolean =>
  pattern.isPrefix ? path[reading].startsWith(pattern[reading]) : path[reading] === pattern[reading]

/** Whether every path that `inner` matches is matched by `outer`. */
export const containsPath = (outer: PathPattern | null, inner: PathPattern | null): boolean => {
  if (outer === null) return true
  if (inner === null || (inner.isPrefix && !outer.isPrefix)) return false
  return outer.isPrefix ? inner.plain.startsWith(outer.plain) : inner.plain === outer.plain
}

const grammar = /^\/[^\s?#*\\]*$/

const unusual = /[%;\\]|\/\//

/** Unreserved characters never need an escape, and hexadecimal digits have one case. */
const spelled = (path: string) =>
  path.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase()
  })

/** Servers behind servers may decode again. */
const rounds = 3

const loosened = (path: string): string => {
  let decoded = path
  for (let round = 0; round < rounds && decoded.includes("%"); round++) {
    decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  const segments: Array<string> = []
  const parts = decoded.split("\0", 1)[0]!.split(/[/\\]+/)
  for (const part of parts) {
    const segment = part.split(";", 1)[0]!
    if (segment === "..") segments.pop()
    else if (segment !== "." && segment !== "") segments.push(segment)
  }
  const isFolder = /^(?:|\.|\.\.)$/.test(parts.at(-1)!.split(";", 1)[0]!)
  return `/${segments.join("/")}${isFolder && segments.length > 0 ? "/" : ""}`
}
