import * as Schema from "effect/Schema"
import { EventId } from "./Ids.ts"

/** The tool through which a session with an `output_config` takes the model's final answer. */
export const toolName = "structured_output"

/** The form that the final answers of a session have. `schema` is a JSON Schema (draft 2020-12) of any JSON value. */
export const OutputConfig = Schema.Struct({
  format: Schema.Struct({ type: Schema.Literal("json_schema"), schema: Schema.Record(Schema.String, Schema.Json) })
})
export type OutputConfig = typeof OutputConfig.Type

/** A final answer that fits the session's schema, and the `agent.structured_output` that holds it. */
export const StructuredOutput = Schema.Struct({ event_id: EventId, value: Schema.Json })
export type StructuredOutput = typeof StructuredOutput.Type
