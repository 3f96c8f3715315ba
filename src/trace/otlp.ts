import type { Span, Trace } from "./Span.ts"

/** Traces in OTLP's JSON, as `POST /v1/traces` of a collector takes them. */

type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: ReadonlyArray<AnyValue> } }

const anyValue = (value: Span["attributes"][string] | undefined): AnyValue => {
  if (typeof value === "number") return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (typeof value === "boolean") return { boolValue: value }
  if (typeof value === "object") return { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } }
  return { stringValue: value ?? "" }
}

const keyValues = (attributes: Span["attributes"]) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }))

const nanos = (timestamp: string) => String(BigInt(Date.parse(timestamp)) * 1_000_000n)

const kinds = { internal: 1, client: 3 }
const statuses = { unset: 0, error: 2 }

/** The span and those below it; what goes on has no end and is left out. */
const flat = (traceId: string, span: Span): ReadonlyArray<object> => {
  const { attributes, children, ended_at, kind, message, name, parent_span_id, span_id, started_at, status } = span
  const below = children.flatMap((child) => flat(traceId, child))
  if (ended_at === null) return below
  const own = {
    traceId,
    spanId: span_id,
    ...(parent_span_id === null ? {} : { parentSpanId: parent_span_id }),
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanos(started_at),
    endTimeUnixNano: nanos(ended_at),
    attributes: keyValues(attributes),
    status: { code: statuses[status], ...(message === undefined ? {} : { message }) }
  }
  return [own, ...below]
}

export const encode = (traces: ReadonlyArray<Trace>) => ({
  resourceSpans: [
    {
      resource: { attributes: keyValues({ "service.name": "ownloop" }) },
      scopeSpans: [{ scope: { name: "ownloop" }, spans: traces.flatMap(({ root, trace_id }) => flat(trace_id, root)) }]
    }
  ]
})
