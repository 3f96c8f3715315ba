import * as JsonSchemas from "effect/JsonSchema"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import * as Issue from "../domain/Issue.ts"
import type { JsonSchema } from "../domain/JsonSchema.ts"
import { explain } from "../tools/InputError.ts"
import { type Fields, isDeeperThan, maxDepth } from "./JsonTypes.ts"

/** A JSON Schema of a session's final answer, as a tool's parameters and as a check of what comes. */
export interface OutputSchema {
  readonly parameters: JsonSchema
  /** What of the input is the answer. */
  valueOf(input: Fields): Schema.Json
  /** What keeps the answer from being taken, in words for the model; null where it fits. */
  problemOf(input: Fields): string | null
}

/** Why a schema cannot be used, and where. */
export interface Refusal {
  readonly path: ReadonlyArray<string | number>
  readonly reason: string
}

/** The field that holds the answer where the schema is not an object's: tools take objects only. */
const field = "value"

/** Characters that an answer may have: it is part of the session, which is one row of a database. */
const longest = 300_000

export const make = (schema: Fields): Result.Result<OutputSchema, Refusal> => {
  if (isDeeperThan(maxDepth, schema)) {
    return Result.fail({ path: [], reason: `is nested more than ${maxDepth} levels deep` })
  }
  return Result.map(compile(schema), (check) => {
    const isWrapped = schema.type !== "object"
    const parameters = isWrapped ? wrap(schema) : { ...schema, type: "object" as const }
    const valueOf = (input: Fields) => (isWrapped ? (input[field] ?? null) : input)
    return {
      parameters,
      valueOf,
      problemOf: (input) => {
        const value = valueOf(input)
        const issues = Result.match(check(value), {
          onSuccess: () => [],
          onFailure: ({ issue }) => Issue.list(issue, value)
        })
        const placed = isWrapped ? issues.map((issue) => ({ ...issue, ...within(issue) })) : issues
        if (placed.length > 0) return explain(parameters, placed)
        const { length } = JSON.stringify(value)
        return length > longest ? `The answer has ${length} characters; it may have ${longest} at most.` : null
      }
    }
  })
}

/** References are to the root's definitions. */
const wrap = ({ $defs, ...schema }: Fields): JsonSchema => ({
  type: "object",
  properties: { [field]: schema },
  required: [field],
  additionalProperties: false,
  ...($defs === undefined ? {} : { $defs })
})

const within = (issue: Issue.Issue): Pick<Issue.Issue, "field" | "depth"> => ({
  field: issue.field === "" || issue.field.startsWith("[") ? `${field}${issue.field}` : `${field}.${issue.field}`,
  depth: issue.depth + 1
})

/** Everything that the schema demands is checked, or the schema is refused. Only `format` says nothing about a value. */
const compile = (schema: Fields) =>
  Result.try({
    try: () => {
      const document = JsonSchemas.fromSchemaDraft2020_12(schema)
      // The schema is that of a client who has the deployment's key: a slow pattern holds up that client's own session.
      const checked = SchemaRepresentation.fromJsonSchemaDocument(document, { patterns: "apply" })
      return Schema.decodeUnknownResult(checked as Schema.Decoder<unknown>, {
        errors: "all",
        onExcessProperty: "error"
      }) // It needs no services.
    },
    catch: refusal
  })

/** The message says in its second line where, for example `at ["schema"]["properties"]["a"]`. */
const refusal = (cause: unknown): Refusal => {
  const [message = "", at = ""] = cause instanceof Error ? cause.message.split("\n  at ") : [String(cause)]
  const path = [...at.matchAll(/\[("(?:[^"\\]|\\.)*"|\d+)\]/g)].map(([, key]) => JSON.parse(key!) as string | number)
  const reason = message.startsWith("Cannot import JSON Schema keyword") ? "is not supported" : message
  return { path: path[0] === "definitions" ? ["$defs", ...path.slice(1)] : path.slice(1), reason }
}
