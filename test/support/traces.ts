import type { SessionExport } from "../../src/trace/Export.ts"
import type { Span, Trace } from "../../src/trace/Span.ts"
import * as Spans from "../../src/trace/spans.ts"
import { decode, spanFaults } from "./otlp.ts"

export const tracesOf = ({ entries, session }: SessionExport, contentRate = 0): ReadonlyArray<Trace> => {
  const spans = Spans.make(session, contentRate)
  const ended = entries.flatMap(({ event }) => spans.take(event) ?? [])
  return spans.open === undefined ? ended : [...ended, spans.open]
}

export const all = (span: Span): ReadonlyArray<Span> => [span, ...span.children.flatMap(all)]

/** What is wrong with a trace, whatever happened to its turn: parents, ends, times. */
export const faults = (trace: Trace): ReadonlyArray<string> => {
  const spans = all(trace.root)
  const ids = spans.map(({ span_id }) => span_id)
  const isOver = trace.root.ended_at !== null
  return [
    ...(/^[0-9a-f]{32}$/.test(trace.trace_id) ? [] : [`trace id ${trace.trace_id}`]),
    ...(new Set(ids).size === ids.length ? [] : ["two spans have one id"]),
    ...spans.flatMap((span) => {
      const { children, ended_at, name, span_id, started_at } = span
      return [
        ...(/^[0-9a-f]{16}$/.test(span_id) ? [] : [`${name}: span id ${span_id}`]),
        ...(isOver && ended_at === null ? [`${name} has no end`] : []),
        ...(ended_at !== null && ended_at < started_at ? [`${name} ends before it begins`] : []),
        ...children.flatMap((child) => [
          ...(child.parent_span_id === span_id ? [] : [`${child.name} is an orphan`]),
          ...(child.started_at < started_at ? [`${child.name} begins before ${name}`] : []),
          ...(ended_at !== null && (child.ended_at ?? "z") > ended_at ? [`${child.name} ends after ${name}`] : [])
        ])
      ]
    })
  ]
}

/** What is wrong with a session's traces as the API answers them, to people and to collectors. */
export const servedFaults = async (
  get: (path: string) => Promise<unknown>,
  session: string
): Promise<ReadonlyArray<string>> => {
  const { turns } = (await get(`/v1/sessions/${session}/trace`)) as { readonly turns: ReadonlyArray<Trace> }
  const over = new Set(turns.flatMap(({ root, trace_id }) => (root.ended_at === null ? [] : [trace_id])))
  const spans = decode(await get(`/v1/sessions/${session}/trace?format=otlp`))
  const ended = spans.filter(({ traceId }) => over.has(String(traceId)))
  const missing = [...over].filter((id) => ended.every(({ traceId }) => traceId !== id))
  return [
    ...turns.flatMap(faults),
    ...spanFaults(ended),
    ...missing.map((id) => `a collector is shown nothing of ${id}`)
  ]
}
