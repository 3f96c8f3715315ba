import type { EgressDecision } from "../domain/Egress.ts"
import { spanId } from "../loop/TraceContext.ts"
import * as Attributes from "./spanAttributes.ts"
import type { Span, Trace } from "./Span.ts"

const isDuring = ({ ended_at, started_at }: Span, at: string) =>
  started_at <= at && (ended_at === null || at <= ended_at)

/** The span that a decision is below: that of its call, and the turn's own where nobody knows the call. */
const parentOf = ({ created_at, tool_use_id }: EgressDecision, { root }: Trace): string | undefined => {
  if (tool_use_id !== null) return spanId(tool_use_id)
  return isDuring(root, created_at) ? root.span_id : undefined
}

/** A call that was run once more after a crash began when it first sent something. */
const startOf = (span: Span, { created_at }: EgressDecision) =>
  created_at < span.started_at ? created_at : span.started_at

const withDecision = (span: Span, decision: EgressDecision): Span => {
  const { created_at } = decision
  const own = Attributes.egress(spanId(decision.id), decision, created_at).childOf(span.span_id).whole
  const others = span.children.filter(({ span_id }) => span_id !== own.span_id)
  return { ...span, started_at: startOf(span, decision), children: [...others, own] }
}

const byTime = (a: Span, b: Span) => Math.sign(Date.parse(a.started_at) - Date.parse(b.started_at))

/**
 * The traces with what the audit knows of what left during their turns. The log shows requests with the result of the call that sent them;
 * the audit holds when each was decided about, those that came to no result because a process died, and those of no call.
 */
export const withEgress = (
  traces: ReadonlyArray<Trace>,
  decisions: ReadonlyArray<EgressDecision>
): ReadonlyArray<Trace> =>
  traces.map((trace) => {
    const below = Map.groupBy(decisions.toReversed(), (decision) => parentOf(decision, trace)) // The audit is newest first.
    const add = (span: Span): Span => {
      const own = below.get(span.span_id)
      if (own === undefined) return span
      const added = own.reduce(withDecision, span)
      return { ...added, children: added.children.toSorted(byTime) }
    }
    return { ...trace, root: add({ ...trace.root, children: trace.root.children.map(add) }) }
  })
