import { Predicate, SchemaIssue } from "effect"

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
