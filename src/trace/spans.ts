import type { SessionEvent } from "../domain/Event.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { fold } from "../loop/fold.ts"
import { initial, type State } from "../loop/State.ts"
import { spanId } from "../loop/TraceContext.ts"
import { ApprovalSpans } from "./approvalSpans.ts"
import { OpenSpan } from "./OpenSpan.ts"
import * as Attributes from "./spanAttributes.ts"
import type { Trace } from "./Span.ts"

type Of<Type extends SessionEvent["type"]> = Extract<SessionEvent, { readonly type: Type }>

/** One turn as its events tell it. */
class Turn {
  readonly root: OpenSpan
  readonly traceId: string
  private readonly content: boolean
  private readonly calls = new Map<string, OpenSpan>()
  private readonly approvals: ApprovalSpans
  private attempt: OpenSpan | undefined
  private compaction: OpenSpan | undefined
  private wait: OpenSpan | undefined

  constructor(record: SessionRecord, trace: NonNullable<State["trace"]>, at: string, content: boolean) {
    this.content = content
    this.approvals = new ApprovalSpans(content)
    this.traceId = trace.traceId
    const attributes = Attributes.ofTurn(record)
    this.root = new OpenSpan(trace.spanId, `invoke_agent ${record.agent.name}`, at, attributes).childOf(
      trace.parentSpanId
    )
  }

  take(event: SessionEvent, at: string): void {
    switch (event.type) {
      case "session.status_running":
        this.wait?.end(at)
        return
      case "session.status_idle":
        return this.idle(event, at)
      case "session.status_rescheduled":
        return this.begin("rescheduled", event.id, at)
      case "span.model_request_start":
        return this.ask(event, at)
      case "span.model_request_end":
        this.attempt?.set(Attributes.ofEnd(event)).end(at)
        if (event.is_error) this.attempt?.fail("interrupted")
        return
      case "session.error":
        if (event.error.model === undefined) this.root.fail(event.error.reason ?? event.error.type, event.error.message)
        else this.attempt?.fail(event.error.reason ?? event.error.type, event.error.message)
        return
      case "agent.message":
        if (this.content) this.attempt?.set(Attributes.ofOutput(event))
        return
      case "agent.thread_context_compacted":
        this.compaction ??= this.root.add(new OpenSpan(spanId(event.id), "compact", at, {}))
        this.compaction.set({ "ownloop.compaction.messages": event.compacted_messages }).end(at)
        this.compaction = undefined
        return
      case "agent.tool_use":
        if (event.evaluated_permission === "ask") this.root.add(this.approvals.ask(event, at))
        // A question of the gateway is no call of the model's.
        if (event.egress === undefined) this.call(event, at)
        return
      case "agent.custom_tool_use":
        return this.call(event, at)
      case "user.tool_confirmation":
        return this.approvals.answer(event, at)
      case "span.egress_approval_used":
        return this.approvals.use(event, at)
      case "span.egress_request":
        this.calls.get(event.tool_use_id)?.add(Attributes.egress(spanId(event.egress_decision_id), event, at))
        return
      case "agent.tool_result":
        this.approvals.settle(event.tool_use_id, at)
        return this.answer(event.tool_use_id, event.is_error, event, at)
      case "user.custom_tool_result":
        return this.answer(event.custom_tool_use_id, event.is_error === true, event, at)
      default:
    }
  }

  private ask(event: Of<"span.model_request_start">, at: string): void {
    const isCompaction = event.purpose === "compaction"
    if (isCompaction) this.compaction ??= this.root.add(new OpenSpan(spanId(event.id, "compact"), "compact", at, {}))
    const parent = (isCompaction ? this.compaction : undefined) ?? this.root
    this.attempt = parent.add(
      new OpenSpan(spanId(event.id), `chat ${event.model}`, at, Attributes.ofRequest(event), "client")
    )
  }

  private call(event: Of<"agent.tool_use" | "agent.custom_tool_use">, at: string): void {
    const attributes = Attributes.ofCall(event, this.content)
    this.calls.set(
      event.id,
      this.root.add(new OpenSpan(spanId(event.id), `execute_tool ${event.name}`, at, attributes))
    )
  }

  private answer(
    id: string,
    isError: boolean,
    event: Of<"agent.tool_result" | "user.custom_tool_result">,
    at: string
  ): void {
    const span = this.calls.get(id)
    if (span === undefined) return
    if (event.type === "agent.tool_result") {
      if (event.started_at !== undefined) span.startAt(event.started_at)
      for (const [index, operation] of (event.operations ?? []).entries()) {
        span.add(Attributes.operation(spanId(event.id, String(index)), operation))
      }
      if (event.rejected === true) span.fail("rejected")
    }
    if (isError) span.fail("tool_error")
    if (this.content) span.set(Attributes.ofResult(event))
    span.end(at)
  }

  private idle(event: Of<"session.status_idle">, at: string): void {
    const { type } = event.stop_reason
    this.wait?.end(at)
    this.root.set({ "ownloop.stop_reason": type })
    if (type === "requires_action" || type === "budget_reached") return this.begin(type, event.id, at)
    if (type === "retries_exhausted") this.root.fail(type)
    this.root.end(at)
  }

  private begin(why: string, id: string, at: string): void {
    this.wait = this.root.add(new OpenSpan(spanId(id), "wait", at, { "ownloop.wait.reason": why }))
  }

  get whole(): Trace {
    return { trace_id: this.traceId, root: this.root.whole }
  }
}

/** Whether a turn's content goes into its spans: the same for all spans of a trace. */
const isSampled = (traceId: string, rate: number) => Number.parseInt(traceId.slice(-8), 16) < rate * 2 ** 32

/**
 * The traces of a session, from its log alone: nothing is noted elsewhere, so that no crash loses a span, or leaves one without its parent or
 * its end. `contentRate`: of how many turns, from 0 to 1, what was written and read goes along.
 */
export const make = (record: SessionRecord, contentRate: number) => {
  let state = initial
  let turn: Turn | undefined
  let time = record.created_at
  let spentBefore = state.spent

  return {
    /** Takes the log's events in their order. Answers the turn that this one ends. */
    take: (event: SessionEvent): Trace | undefined => {
      const before = state
      // Without the conversation, which no span needs: a copy of it for each event would take longer than all else.
      state = fold({ ...state, messages: [] }, event)
      time = event.processed_at ?? time
      if (state.trace !== null && state.trace !== before.trace) {
        spentBefore = before.spent
        turn = new Turn(record, state.trace, time, isSampled(state.trace.traceId, contentRate))
      }
      // What was spent before is the other session's.
      if (event.type === "session.forked") spentBefore = state.spent
      turn?.take(event, time)
      if (turn === undefined || event.type !== "session.status_idle") return undefined
      turn.root.set(Attributes.ofSpent(spentBefore, state.spent))
      const { stopReason } = state
      if (stopReason?.type === "requires_action" || stopReason?.type === "budget_reached") return undefined
      const { whole } = turn
      turn = undefined
      return whole
    },
    /** The turn that is not over. */
    get open(): Trace | undefined {
      return turn?.whole
    }
  }
}
