import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as Issue from "../domain/Issue.ts"
import type { JsonSchema } from "../domain/JsonSchema.ts"

/** The model's input does not fit the tool's schema. The message names each wrong field, what was expected and what came. */
export class InputError extends Schema.TaggedError<InputError>()("InputError", { message: Schema.String }) {}

export const inputError = (schema: JsonSchema, input: unknown) => (issue: SchemaIssue.Issue) =>
  new InputError({ message: explain(schema, Issue.list(issue, input)) })

/** More of them help nobody. */
const shown = 20

/** What a model reads of what is wrong with its input. */
export const explain = (schema: JsonSchema, issues: ReadonlyArray<Issue.Issue>): string => {
  const lines = [...new Set(issues.map((issue) => line(schema, issue)))]
  const more = lines.length > shown ? [`... and ${lines.length - shown} more`] : []
  return ["The input does not fit:", ...lines.slice(0, shown), ...more].join("\n")
}

const line = (schema: JsonSchema, { field, depth, message, value }: Issue.Issue): string => {
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
}

/** A value in a few words. */
export const show = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === "object") return "an object"
  const text = JSON.stringify(value) ?? "nothing"
  return `${typeof value} ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`
}
