import { Predicate, type Schema, SchemaIssue } from "effect"

/**
 * What is wrong with a request, in one line that begins with the field: `events[0].content[0].text: expected string, got number`.
 * Of the input it says the kind only, so that nothing secret comes back. `root` names the whole.
 */
export const describe = (error: Schema.SchemaError, root: string, input?: unknown): string => {
  const { path = [], message } = format(error.issue).issues[0] ?? { message: "is not valid" }
  const keys = path.map((part) => (typeof part === "object" ? part.key : part))
  const field = keys.reduce(appendKey, "") || root
  if (!message.startsWith("Expected ")) return `${field}: ${message}`
  const expected = message.slice("Expected ".length)
  // `a value with ...`, `a string matching ...`: the kind is right.
  const got = input === undefined || expected.startsWith("a ") ? "" : `, got ${kind(keys.reduce(valueAt, input))}`
  return `${field}: expected ${expected}${got}`
}

/** The path of a request, without its query. */
export const pathOf = ({ url }: { readonly url: string }): string => url.split("?", 1)[0] ?? ""

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => (issue._tag === "MissingKey" ? "is required" : SchemaIssue.defaultLeafHook(issue))
})

const appendKey = (path: string, key: PropertyKey): string => {
  if (typeof key === "number") return `${path}[${key}]`
  return path === "" ? String(key) : `${path}.${String(key)}`
}

const valueAt = (value: unknown, key: PropertyKey): unknown =>
  Predicate.isObjectOrArray(value) ? (Reflect.get(value, key) as unknown) : undefined

const kind = (value: unknown): string => {
  if (value === null) return "null"
  if (value === undefined) return "nothing"
  return Array.isArray(value) ? "array" : typeof value
}
