import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as Hash from "./Hash.ts"
import type { TurnTrace } from "./State.ts"

/** W3C trace context. Ids follow from those of the events, so that a trace can be told from the log alone, and a replay has the same. */

const shape = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-|$)/

/** Whether it is a `traceparent` header that can be read. */
export const isReadable = (traceparent: string): boolean => shape.test(traceparent)

/** Of what begins with the event of this id, such as a model request or a tool call. */
export const spanId = (event: string, part = ""): string => Hash.ofText(`${event}${part}`, 2)

/** Of the turn that begins with this event: within the caller's trace, or in one of its own. */
export const ofTurn = (event: string, traceparent = ""): TurnTrace => {
  const [, traceId, parentSpanId] = shape.exec(traceparent) ?? []
  return {
    traceId: traceId ?? Hash.ofText(event, 4),
    spanId: spanId(event, "turn"),
    parentSpanId: parentSpanId ?? null
  }
}

/** Makes a tool call part of its turn's trace. */
export const within = (trace: TurnTrace | null, call: string) =>
  trace === null
    ? <A, E, R>(effect: Effect.Effect<A, E, R>) => effect
    : Effect.withParentSpan(Tracer.externalSpan({ traceId: trace.traceId, spanId: spanId(call), sampled: true }))

/** What goes out with the requests of a tool call, where it is part of a trace. */
export const traceparent = (call: string): Effect.Effect<string | undefined> =>
  Effect.serviceOption(Tracer.ParentSpan).pipe(
    Effect.map(
      Option.match({
        onNone: () => undefined,
        onSome: ({ traceId }) => (isTraceId(traceId) ? `00-${traceId}-${spanId(call)}-01` : undefined)
      })
    )
  )

const isTraceId = (id: string) => /^[0-9a-f]{32}$/.test(id)
