import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Session } from "./domain/Session.ts"
import type { OutputConfig } from "./domain/StructuredOutput.ts"

/** The session has given no final answer in its form so far. */
export class StructuredOutputMissing extends Schema.TaggedError<StructuredOutputMissing>()("StructuredOutputMissing", {
  id: Schema.String
}) {
  override get message(): string {
    return `session ${this.id} has no structured output: its turn is not over, ended with an error, or it was created without an output_config`
  }
}

/** The `output_config` of a session whose answers are values of this schema, as JSON writes them. */
export const outputConfig = (schema: Schema.Constraint): OutputConfig => {
  const { schema: root, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  const json = { ...root, ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }) }
  return { format: { type: "json_schema", schema: json as OutputConfig["format"]["schema"] } } // Effect emits nothing but JSON.
}

/** The latest answer of a session that was created with `outputConfig(schema)`. */
export const read = <S extends Schema.ConstraintDecoder<unknown>>(
  { id, structured_output }: Pick<Session, "id" | "structured_output">,
  schema: S
): Effect.Effect<S["Type"], StructuredOutputMissing | Schema.SchemaError> =>
  structured_output
    ? Schema.decodeUnknownEffect(Schema.toCodecJson(schema))(structured_output.value)
    : Effect.fail(new StructuredOutputMissing({ id }))
