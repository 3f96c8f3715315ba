import { Predicate, Schema, SchemaIssue } from "effect"
import type { JsonSchema } from "../domain/JsonSchema.ts"

/** The model's input does not fit the tool's schema. The message names each wrong field, what was expected and what came. */
export class InputError extends Schema.TaggedError<InputError>()("InputError", { message: Schema.String }) {}

export const inputError = (schema: JsonSchema, input: unknown) => (issue: SchemaIssue.Issue) =>
  new InputError({ message: `The input does not fit:\n${explain(schema, input, issue).join("\n")}` })

const explain = (schema: JsonSchema, input: unknown, issue: SchemaIssue.Issue): ReadonlyArray<string> => {
  const lines = format(issue).issues.map(({ path = [], message }) => {
    const keys = path.map((part) => (typeof part === "object" ? part.key : part))
    const field = keys.reduce(appendKey, "") || "input"
    switch (message) {
      case missing:
        return `${field}: required, but missing`
      case unexpected:
        return keys.length === 1
          ? `${field}: no such field; there are ${Object.keys(schema.properties ?? {}).join(", ") || "none"}`
          : `${field}: no such field`
      default:
        return `${field}: ${message.replace(/^Expected/, "expected")}, got ${show(keys.reduce(valueAt, input))}`
    }
  })
  return [...new Set(lines)]
}

const missing = "missing"
const unexpected = "unexpected"

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "MissingKey") return missing
    if (issue._tag === "UnexpectedKey") return unexpected
    return SchemaIssue.defaultLeafHook(issue)
  }
})

const appendKey = (path: string, key: PropertyKey): string => {
  if (typeof key === "number") return `${path}[${key}]`
  return path === "" ? String(key) : `${path}.${String(key)}`
}

const valueAt = (value: unknown, key: PropertyKey): unknown =>
  Predicate.isObjectOrArray(value) ? (Reflect.get(value, key) as unknown) : undefined

const show = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === "object") return "an object"
  const text = JSON.stringify(value) ?? "nothing"
  return `${typeof value} ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`
}
