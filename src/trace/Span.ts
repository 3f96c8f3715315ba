import * as Schema from "effect/Schema"
import { Timestamp } from "../domain/Common.ts"

export const Attribute = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean, Schema.Array(Schema.String)])

const fields = {
  span_id: Schema.String,
  /** The caller's span, for a turn that a traced request brought; null where the trace begins here. */
  parent_span_id: Schema.NullOr(Schema.String),
  name: Schema.String,
  kind: Schema.Literals(["internal", "client"]),
  started_at: Timestamp,
  /** Null while it goes on. */
  ended_at: Schema.NullOr(Timestamp),
  status: Schema.Literals(["unset", "error"]),
  /** What went wrong, for people. */
  message: Schema.optionalKey(Schema.String),
  /** Named as OpenTelemetry's conventions for generative AI name them; ours begin with `ownloop.`. */
  attributes: Schema.Record(Schema.String, Attribute)
}

/** Something that took its time. Times are those of the log, to the millisecond. */
export interface Span extends Schema.Struct.Type<typeof fields> {
  readonly children: ReadonlyArray<Span>
}
const SpanTree: Schema.Codec<Span> = Schema.Struct({
  ...fields,
  children: Schema.Array(Schema.suspend(() => SpanTree))
})

/** One turn: its own span, and what happened in it. */
export const Trace = Schema.Struct({ trace_id: Schema.String, root: SpanTree })
export type Trace = typeof Trace.Type
