import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Trace } from "./trace/Span.ts"

/** Where finished turns' traces are sent; null where nowhere. It never fails: a trace that cannot be sent is lost, and the log has it. */
export class TraceExporter extends Context.Service<
  TraceExporter,
  { readonly send: ((trace: Trace) => Effect.Effect<void>) | null }
>()("ownloop/TraceExporter") {}
