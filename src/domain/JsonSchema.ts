import type * as Schema from "effect/Schema"

/** A JSON Schema (draft 2020-12) of an object, as a model reads it. */
export interface JsonSchema {
  readonly type: "object"
  readonly [key: string]: Schema.Json
}
