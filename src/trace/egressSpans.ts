import type { EgressDecision } from "../domain/Egress.ts"
import { spanId } from "../loop/TraceContext.ts"
import type { Span, Trace } from "./Span.ts"

const during = ({ ended_at, started_at }: Span, at: string) => started_at <= at && (ended_at === null || at <= ended_at)

const spanOf = (parent: Span, decision: EgressDecision): Span => {
  const { created_at, host, id, method, outcome, path, port, reason, scheme, status } = decision
  return {
    span_id: spanId(id),
    parent_span_id: parent.span_id,
    name: `egress ${method}`,
    kind: "client",
    // The audit holds when it was written.
    started_at: created_at,
    ended_at: created_at,
    status: outcome === "blocked" ? "error" : "unset",
    attributes: {
      "http.request.method": method,
      "url.scheme": scheme,
      "server.address": host,
      "server.port": port,
      "url.path": path,
      "ownloop.egress.outcome": outcome,
      "ownloop.egress.reason": reason,
      ...(status === null ? {} : { "http.response.status_code": status }),
      ...(outcome === "blocked" ? { "error.type": "blocked" } : {})
    },
    children: []
  }
}

/** Below the one tool that ran at that time; where several did, nobody knows whose it was, and it is the turn's. */
const add = (root: Span, decision: EgressDecision): Span => {
  const running = root.children.filter(
    (child) => child.name.startsWith("execute_tool ") && during(child, decision.created_at)
  )
  const [parent = root] = running.length === 1 ? running : []
  const added = { ...parent, children: [...parent.children, spanOf(parent, decision)] }
  if (parent === root) return added
  return { ...root, children: root.children.map((child) => (child === parent ? added : child)) }
}

/** The traces with what left the session during their turns. */
export const withEgress = (
  traces: ReadonlyArray<Trace>,
  decisions: ReadonlyArray<EgressDecision>
): ReadonlyArray<Trace> =>
  traces.map((trace) => ({
    ...trace,
    root: decisions
      .filter(({ created_at }) => during(trace.root, created_at))
      .toReversed() // The audit is newest first.
      .reduce(add, trace.root)
  }))
