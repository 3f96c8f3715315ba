/** What one place of a name may be. */
type Token =
  | { readonly kind: "any" | "star" }
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "set"; readonly has: (char: string) => boolean }

/** A folder level of a pattern: `deep` is `**`, any number of levels. */
type Level = "deep" | ReadonlyArray<Token>

const maxAlternatives = 1_000
const maxLength = 4_096

/**
 * Matches paths against `**`, `*`, `?`, `[a-z]`, `[!a]`, `{a,b}` and `\` before a character; names that start with a dot only where the
 * pattern does. Takes time in proportion to pattern times path, whatever the pattern. Undefined where it is too long,
 * or its braces make too many alternatives.
 */
export const compile = (pattern: string): ((path: string) => boolean) | undefined => {
  const alternatives = expand(pattern)
  const compiled = alternatives?.map((one) => split(one).map((level) => (level === "**" ? "deep" : tokens(level))))
  return compiled && ((path) => compiled.some((levels) => matches(levels, split(path))))
}

const split = (path: string): ReadonlyArray<string> => path.split("/").filter((name) => name !== "" && name !== ".")

const matches = (levels: ReadonlyArray<Level>, names: ReadonlyArray<string>): boolean => {
  // The levels that the names so far may have reached.
  let reached = closure(levels, new Set([0]))
  for (const name of names) {
    const next = new Set<number>()
    for (const at of reached) {
      const level = levels[at]
      if (level === "deep" && !name.startsWith(".")) next.add(at)
      if (level !== undefined && level !== "deep" && matchesName(level, name)) next.add(at + 1)
    }
    reached = closure(levels, next)
  }
  return reached.has(levels.length)
}

const closure = (levels: ReadonlyArray<Level>, reached: Set<number>): ReadonlySet<number> => {
  // A set takes up what is added to it while it is walked.
  for (const at of reached) if (levels[at] === "deep") reached.add(at + 1)
  return reached
}

const matchesName = (tokens: ReadonlyArray<Token>, name: string): boolean => {
  const first = tokens[0]
  if (name.startsWith(".") && !(first?.kind === "char" && first.char === ".")) return false
  const chars = Array.from(name)
  let at = 0
  let token = 0
  // Only the last star needs to take more: earlier ones lose nothing by having taken less.
  let star = -1
  let resume = 0
  while (at < chars.length) {
    const one = tokens[token]
    if (one?.kind === "star") {
      star = token++
      resume = at
    } else if (one !== undefined && fits(one, chars[at]!)) {
      at++
      token++
    } else if (star >= 0) {
      token = star + 1
      at = ++resume
    } else return false
  }
  while (tokens[token]?.kind === "star") token++
  return token === tokens.length
}

const fits = (token: Token, char: string): boolean =>
  token.kind === "char" ? token.char === char : token.kind === "set" ? token.has(char) : token.kind === "any"

const tokens = (level: string): ReadonlyArray<Token> => {
  const found: Array<Token> = []
  const chars = Array.from(level)
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!
    if (char === "*") found.push({ kind: "star" })
    else if (char === "?") found.push({ kind: "any" })
    else if (char === "[") {
      const end = chars.indexOf("]", at + (chars[at + 1] === "!" || chars[at + 1] === "^" ? 3 : 2))
      if (end < 0) found.push(literal(char))
      else {
        found.push(charSet(chars.slice(at + 1, end)))
        at = end
      }
    } else found.push(literal(char === "\\" && at + 1 < chars.length ? chars[++at]! : char))
  }
  return found
}

const literal = (char: string): Token => ({ kind: "char", char })

const charSet = (inner: ReadonlyArray<string>): Token => {
  const negated = inner[0] === "!" || inner[0] === "^"
  const ranges: Array<readonly [string, string]> = []
  for (let at = negated ? 1 : 0; at < inner.length; at++) {
    const from = inner[at]!
    const isRange = inner[at + 1] === "-" && at + 2 < inner.length
    ranges.push([from, isRange ? inner[at + 2]! : from])
    if (isRange) at += 2
  }
  return { kind: "set", has: (char) => ranges.some(([from, to]) => from <= char && char <= to) !== negated }
}

/** The patterns that the braces of one stand for. */
const expand = (pattern: string): ReadonlyArray<string> | undefined => {
  if (pattern.length > maxLength) return undefined
  const done: Array<string> = []
  const ahead = [pattern]
  for (let one = ahead.pop(); one !== undefined; one = ahead.pop()) {
    const braces = innermost(one)
    if (braces === undefined) done.push(one)
    else for (const option of braces.options) ahead.push(one.slice(0, braces.start) + option + one.slice(braces.end))
    if (done.length + ahead.length > maxAlternatives) return undefined
  }
  return done
}

/** The first braces without braces inside. */
const innermost = (pattern: string) => {
  const braces = /(?<!\\)\{([^{}]*,[^{}]*)\}/.exec(pattern)
  return braces === null
    ? undefined
    : { start: braces.index, end: braces.index + braces[0].length, options: braces[1]!.split(",") }
}
