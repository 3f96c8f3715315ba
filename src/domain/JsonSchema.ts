import type { Schema } from "effect"

/** A JSON Schema (draft 2020-12) of an object, as a model reads it. */
export interface JsonSchema {
  readonly type: "object"
  readonly [key: string]: Schema.Json
}
