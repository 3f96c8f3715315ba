import * as Schema from "effect/Schema"
import { Timestamp } from "./Common.ts"

/** A queue message that could not become a task. */
export const DeadLetter = Schema.Struct({
  type: Schema.Literal("dead_letter"),
  id: Schema.String,
  reason: Schema.String,
  /** As it came, without keys that are refused. */
  message: Schema.Json,
  created_at: Timestamp,
  replayed_at: Schema.NullOr(Timestamp)
})
export type DeadLetter = typeof DeadLetter.Type
