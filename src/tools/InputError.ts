import { Schema, type SchemaIssue } from "effect"
import * as Issue from "../domain/Issue.ts"
import type { JsonSchema } from "../domain/JsonSchema.ts"

/** The model's input does not fit the tool's schema. The message names each wrong field, what was expected and what came. */
export class InputError extends Schema.TaggedError<InputError>()("InputError", { message: Schema.String }) {}

export const inputError = (schema: JsonSchema, input: unknown) => (issue: SchemaIssue.Issue) =>
  new InputError({ message: `The input does not fit:\n${explain(schema, input, issue).join("\n")}` })

const explain = (schema: JsonSchema, input: unknown, issue: SchemaIssue.Issue): ReadonlyArray<string> => {
  const lines = Issue.list(issue, input).map(({ field, depth, message, value }) => {
    switch (message) {
      case Issue.missing:
        return `${field}: required, but missing`
      case Issue.unexpected:
        return depth === 1
          ? `${field}: no such field; there are ${Object.keys(schema.properties ?? {}).join(", ") || "none"}`
          : `${field}: no such field`
      default:
        return `${field || "input"}: ${message.replace(/^Expected/, "expected")}, got ${show(value)}`
    }
  })
  return [...new Set(lines)]
}

const show = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === "object") return "an object"
  const text = JSON.stringify(value) ?? "nothing"
  return `${typeof value} ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`
}
