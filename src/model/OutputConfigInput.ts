import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { unsupported } from "../domain/Common.ts"
import type { OutputConfig } from "../domain/StructuredOutput.ts"
import * as OutputSchema from "./OutputSchema.ts"

const Type = Schema.Literals(["string", "number", "integer", "boolean", "null", "array", "object"])
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Of drafts before 2020-12: they would say nothing here. */
const outdated = unsupported("is no keyword of JSON Schema 2020-12")

/** The keywords of JSON Schema that say something about a value, in the form that they must have. */
type Node = boolean | { readonly [keyword: string]: Schema.Json }
const Node = Schema.suspend(() => Schema.Union([Schema.Boolean, Keywords])) as Schema.Codec<Node> // What refers to itself cannot infer its type.
const optional = Schema.optionalKey
const nodes = optional(Schema.NonEmptyArray(Node))
const named = optional(Schema.Record(Schema.String, Node))
const one = optional(Node)
const number = optional(Schema.Finite)
const count = optional(Count)
const Keywords = Schema.StructWithRest(
  Schema.Struct({
    type: optional(Schema.Union([Type, Schema.NonEmptyArray(Type)])),
    enum: optional(Schema.NonEmptyArray(Schema.Json)),
    properties: named,
    patternProperties: named,
    $defs: named,
    additionalProperties: one,
    propertyNames: one,
    items: one,
    prefixItems: nodes,
    allOf: nodes,
    anyOf: nodes,
    oneOf: nodes,
    required: optional(Schema.Array(Schema.String)),
    $ref: optional(Schema.String),
    pattern: optional(Schema.String),
    uniqueItems: optional(Schema.Boolean),
    minimum: number,
    maximum: number,
    exclusiveMinimum: number,
    exclusiveMaximum: number,
    multipleOf: optional(Schema.Finite.check(Schema.isGreaterThan(0))),
    minLength: count,
    maxLength: count,
    minItems: count,
    maxItems: count,
    minProperties: count,
    maxProperties: count,
    dependencies: outdated,
    additionalItems: outdated
  }),
  [Schema.Record(Schema.String, Schema.Json)]
)

const maxLength = 100_000

const isUsable = Schema.makeFilter((schema: typeof Keywords.Type) => {
  const { length } = JSON.stringify(schema)
  if (length > maxLength) return `is longer than ${maxLength} characters`
  return Result.match(OutputSchema.make(schema), {
    onSuccess: () => true,
    onFailure: ({ path, reason }) => ({ path, issue: reason })
  })
})

/** The field is named as in the Messages API; that a session has it is ours. */
export const OutputConfigInput = Schema.Struct({
  effort: unsupported(),
  task_budget: unsupported(),
  format: Schema.optionalKey(
    Schema.NullOr(Schema.Struct({ type: Schema.Literal("json_schema"), schema: Keywords.check(isUsable) })).annotate({
      message: "expected the type json_schema"
    })
  )
})

/** As a session keeps it: nothing where it asks for no form. */
export const formOf = (
  input: typeof OutputConfigInput.Type | null | undefined
): { readonly output_config?: OutputConfig } => (input?.format ? { output_config: { format: input.format } } : {})
