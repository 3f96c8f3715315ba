import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** One thing that a value has wrong, where its schema says what is right. */
export interface Issue {
  /** For example `events[0].content[0].text`; empty for the whole value. */
  readonly field: string
  /** How deep the field is: 0 for the whole value. */
  readonly depth: number
  /** `missing`, `unexpected`, or what a check says: most say `Expected ...`. */
  readonly message: string
  /** What stands there. */
  readonly value: unknown
}

export const missing = "is required"
export const unexpected = "is unexpected"

/** What is wrong with `input`, field by field. Only `value` repeats what came. */
export const list = (issue: SchemaIssue.Issue, input: unknown): ReadonlyArray<Issue> =>
  format(issue).issues.map(({ path = [], message }) => {
    const keys = path.map((part) => (typeof part === "object" ? part.key : part))
    return {
      field: fieldOf(keys),
      depth: keys.length,
      message,
      value: keys.reduce(valueAt, input)
    }
  })

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "MissingKey") return missing
    if (issue._tag === "UnexpectedKey") return unexpected
    return SchemaIssue.defaultLeafHook(issue)
  }
})

/** For example `items[0].id`. */
export const fieldOf = (keys: ReadonlyArray<PropertyKey>): string => keys.reduce(appendKey, "")

const appendKey = (path: string, key: PropertyKey): string => {
  if (typeof key === "number") return `${path}[${key}]`
  return path === "" ? String(key) : `${path}.${String(key)}`
}

const valueAt = (value: unknown, key: PropertyKey): unknown =>
  Predicate.isObjectOrArray(value) ? (Reflect.get(value, key) as unknown) : undefined

/**
 * What is wrong with an input, in one line that begins with the field: `events[0].content[0].text: expected string, got number`.
 * Of the input it says the kind only, so that nothing secret comes back. `root` names the whole.
 */
export const describe = (error: Schema.SchemaError, root: string, input?: unknown): string => {
  const issue = list(error.issue, input)[0]
  const field = issue?.field || root
  const message = issue?.message ?? "is not valid"
  if (!message.startsWith("Expected ")) return `${field}: ${message}`
  const expected = message.slice("Expected ".length)
  // `a value with ...`, `a string matching ...`: the kind is right.
  const got = input === undefined || expected.startsWith("a ") ? "" : `, got ${kind(issue?.value)}`
  return `${field}: expected ${expected}${got}`
}

const kind = (value: unknown): string => {
  if (value === null) return "null"
  if (value === undefined) return "nothing"
  return Array.isArray(value) ? "array" : typeof value
}
