import { isDeepStrictEqual } from "node:util"
import generated from "@opentelemetry/otlp-transformer/build/src/generated/root.js"
import type {
  IExportTraceServiceRequest,
  ISpan
} from "@opentelemetry/otlp-transformer/build/src/trace/internal-types.js"

/** What a collector reads of traces, by OpenTelemetry's own package: its messages of the protocol, which versions from 0.219 on leave out, and its types. */

/** A message of the generated code, whose own declarations leave it out. */
interface Message {
  fromObject(json: unknown): object
  encode(message: object): { finish(): Uint8Array }
  decode(bytes: Uint8Array): object
  toObject(message: object, options: { readonly longs: typeof String; readonly bytes: typeof String }): object
}

interface Generated {
  readonly opentelemetry: {
    readonly proto: { readonly collector: { readonly trace: { readonly v1: { ExportTraceServiceRequest: Message } } } }
  }
}

const { ExportTraceServiceRequest: Request } = (generated as unknown as Generated).opentelemetry.proto.collector.trace
  .v1

/** OTLP's JSON writes ids in hex, where protobuf's JSON writes bytes in Base64. */
const withIds = (json: unknown, from: BufferEncoding, to: BufferEncoding): unknown =>
  JSON.parse(JSON.stringify(json), (key, value: unknown) =>
    ["traceId", "spanId", "parentSpanId"].includes(key) ? Buffer.from(value as string, from).toString(to) : value
  )

/** A message does not tell an empty list from none. */
const withoutEmpty = (json: unknown): unknown =>
  JSON.parse(JSON.stringify(json), (_, value: unknown) =>
    Array.isArray(value) && value.length === 0 ? undefined : value
  )

/** Spans as they are after they were a message on the wire. Throws where the protocol knows less of them, or reads them as something else. */
export const decode = (json: unknown): ReadonlyArray<ISpan> => {
  const wire = Request.encode(Request.fromObject(withIds(json, "hex", "base64"))).finish()
  const read = withIds(Request.toObject(Request.decode(wire), { longs: String, bytes: String }), "base64", "hex")
  if (!isDeepStrictEqual(read, withoutEmpty(json))) {
    throw new Error(`a collector reads ${JSON.stringify(read)} in ${JSON.stringify(json)}`)
  }
  const { resourceSpans = [] } = read as IExportTraceServiceRequest
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans = [] }) => spans))
}

export const isTurn = ({ name }: ISpan) => name.startsWith("invoke_agent ")

/** What is wrong with the spans of turns that are over. */
export const spanFaults = (spans: ReadonlyArray<ISpan>): ReadonlyArray<string> => {
  const ids = new Set(spans.map(({ traceId, spanId }) => `${String(traceId)} ${String(spanId)}`))
  return [
    ...(ids.size === spans.length ? [] : ["two spans have one id"]),
    ...spans.flatMap((span) => {
      const { endTimeUnixNano, name, parentSpanId, spanId, startTimeUnixNano, traceId } = span
      const start = BigInt(startTimeUnixNano as string)
      const end = endTimeUnixNano as string | undefined
      const isBelow = ids.has(`${String(traceId)} ${String(parentSpanId)}`)
      return [
        ...(/^[0-9a-f]{32}$/.test(String(traceId)) ? [] : [`${name}: trace id ${String(traceId)}`]),
        ...(/^[0-9a-f]{16}$/.test(String(spanId)) ? [] : [`${name}: span id ${String(spanId)}`]),
        ...(end === undefined ? [`${name} has no end`] : BigInt(end) < start ? [`${name} ends before it begins`] : []),
        ...(isBelow === isTurn(span) ? [`${name} ${isBelow ? "is in another turn" : "is an orphan"}`] : [])
      ]
    })
  ]
}
