import type { Timestamp } from "../domain/Common.ts"
import type { SessionError, SessionEvent } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import { toolName } from "../domain/StructuredOutput.ts"
import type { ToolCall } from "../ModelClient.ts"
import * as Approvals from "./Approvals.ts"
import * as Calls from "./Calls.ts"
import * as Compaction from "./Compaction.ts"
import * as Hash from "./Hash.ts"
import { restsUntil } from "./ModelChoice.ts"
import * as Spent from "./Spent.ts"
import { noDraft, runningFor, type State, untried } from "./State.ts"
import * as TraceContext from "./TraceContext.ts"

const text = (content: ReadonlyArray<{ readonly text: string }>) => content.map((block) => block.text).join("\n")

type RequestEnd = Extract<SessionEvent, { readonly type: "span.model_request_end" }>

/** The answer is whole: its text, reasoning and calls become one message. A summary is no part of the conversation's own. */
const closeRequest = (state: State, { model_usage: usage, list_cost_usd }: RequestEnd): State => {
  const closed = {
    ...state,
    isRequesting: false,
    draft: noDraft,
    spent: Spent.addRequest(state.spent, usage, list_cost_usd)
  }
  if (state.request?.purpose === "compaction") return closed
  const toolCalls = state.calls.map(({ id, name, input }) => ({ id, name, input }))
  return {
    ...closed,
    ...untried,
    answeredBy: state.request?.model ?? null,
    contextTokens: Spent.tokens(usage),
    steps: state.steps + 1,
    rejections: toolCalls.length === 0 ? 0 : state.rejections,
    messages: [...state.messages, { role: "assistant", ...state.draft, toolCalls }]
  }
}

const fail = (state: State, { model, reason, retry_after_ms = 0 }: SessionError, at: Timestamp): State => {
  if (model === undefined || reason === undefined) return state
  if (reason === "ContextOverflow" && state.request?.purpose === "answer") return { ...state, isOverflowing: true }
  const failures = [...state.failures, { model, reason, retryAfterMs: retry_after_ms }]
  const until = restsUntil(
    failures.filter((failure) => failure.model === model),
    Date.parse(at)
  )
  return { ...state, failures, resting: until > 0 ? { ...state.resting, [model]: until } : state.resting }
}

/** Ends the turn that runs or waits; messages behind it stay queued. Before a turn, it is the messages that it ends. */
const interrupt = (state: State): State =>
  state.status !== "idle" || state.calls.length > 0 || state.stopReason?.type === "budget_reached"
    ? { ...state, interrupted: true }
    : { ...state, interrupted: state.queue.length > 0, cancelled: state.queue.map(({ id }) => id) }

const begin = (state: State, id: EventId, at: Timestamp): State => {
  const begun: State = { ...state, status: "running", resumeAt: null, runningSince: at, failures: [] }
  if (state.status === "rescheduling") return begun
  const goesOn = state.stopReason?.type === "requires_action" || state.stopReason?.type === "budget_reached"
  if (goesOn) return { ...begun, ...untried, stopReason: null }
  const trace = TraceContext.ofTurn(id, state.queue[0]?.traceparent)
  return { ...begun, ...untried, stopReason: null, steps: 0, rejections: 0, answeredBy: null, trace }
}

const rest = (state: State, at: Timestamp): State => ({
  ...state,
  runningSince: null,
  spent: { ...state.spent, active: state.spent.active + runningFor(state, Date.parse(at)) }
})

const compact = (state: State, summary: string, count: number): State => ({
  ...state,
  failures: [],
  isOverflowing: false,
  contextTokens: 0,
  compactions: state.compactions + 1,
  messages: [Compaction.summaryMessage(summary), ...state.messages.slice(count)]
})

type Confirmation = Extract<SessionEvent, { readonly type: "user.tool_confirmation" }>

const confirm = (state: State, event: Confirmation): State => {
  const call = state.calls.find(({ id }) => id === event.tool_use_id)
  const isLate = (event.processed_at ?? "") > (call?.egress?.expires_at ?? "~")
  const isAllowed = event.result === "allow" && !isLate
  const denial = isLate ? "the answer came too late" : (event.deny_message ?? "the user did not allow this")
  const scope = event.scope ?? "once"
  const updated = Calls.update(
    state,
    event.tool_use_id,
    isAllowed ? { permission: "allow", isForEver: scope === "always" } : { permission: "deny", denial }
  )
  if (call?.egress == null) return updated
  const lasting = scope === "once" ? "once" : "session"
  return Approvals.answer(updated, { ...call, egress: call.egress }, isAllowed ? lasting : "denied")
}

/** The state after one more event. */
export const fold = (state: State, event: SessionEvent): State =>
  change(state.isForked ? { ...state, isForked: false } : state, event)

const change = (state: State, event: SessionEvent): State => {
  switch (event.type) {
    case "user.message": {
      const { id, task, traceparent } = event
      const message = {
        id,
        text: text(event.content),
        ...(traceparent === undefined ? {} : { traceparent }),
        ...(task === undefined ? {} : { task })
      }
      return event.processed_at === null
        ? { ...state, queue: [...state.queue, message] }
        : {
            ...state,
            queue: state.queue.filter((queued) => queued.id !== event.id),
            messages: [...state.messages, { role: "user", text: message.text }],
            isAnswered: false,
            reminders: 0
          }
    }
    case "user.interrupt":
      return interrupt(state)
    case "user.tool_confirmation":
      return confirm(state, event)
    case "user.custom_tool_result": {
      const result = { text: text(event.content ?? []), isError: event.is_error ?? false, isRejected: false }
      return Calls.answer(state, event.custom_tool_use_id, result)
    }
    case "agent.message":
      return { ...state, draft: { ...state.draft, text: text(event.content) } }
    case "agent.thinking":
      return { ...state, draft: { ...state.draft, reasoning: text(event.content) } }
    case "agent.tool_use":
      return Calls.open(state, {
        ...pick(event),
        runner: event.egress !== undefined ? "gateway" : event.name === toolName ? "loop" : "deployment",
        permission: event.evaluated_permission,
        egress: event.egress ?? null
      })
    case "agent.custom_tool_use":
      return Calls.open(state, { ...pick(event), runner: "client", permission: "allow", egress: null })
    case "agent.tool_result": {
      const isAllowed = state.calls.some(
        ({ id, permission, runner }) => id === event.tool_use_id && permission === "allow" && runner === "deployment"
      )
      const ran = isAllowed && event.rejected !== true && !state.interrupted
      const spent = { ...state.spent, toolCalls: state.spent.toolCalls + (ran ? 1 : 0) }
      return Calls.answer({ ...state, spent }, event.tool_use_id, {
        text: text(event.content),
        isError: event.is_error,
        isRejected: event.rejected ?? false
      })
    }
    case "agent.structured_output":
      return { ...state, structuredOutput: { event_id: event.id, value: event.value }, isAnswered: true }
    case "session.structured_output_reminder": {
      const messages: State["messages"] = [...state.messages, { role: "user", text: text(event.content) }]
      return { ...state, messages, reminders: state.reminders + 1 }
    }
    case "agent.thread_context_compacted":
      return compact(state, text(event.summary), event.compacted_messages)
    case "session.forked":
      return {
        ...state,
        isForked: true,
        lacksWorkspace: true,
        approvals: [],
        spent: Spent.nothing,
        runningSince: state.runningSince === null ? null : event.processed_at
      }
    case "session.workspace_rebuilt":
      return { ...state, lacksWorkspace: false }
    case "session.status_running":
      return begin(state, event.id, event.processed_at)
    case "session.status_idle": {
      const idle: State = { ...rest(state, event.processed_at), status: "idle", stopReason: event.stop_reason }
      if (event.stop_reason.type === "requires_action") return idle
      const stopped: State = { ...idle, interrupted: false, cancelled: [] }
      return event.stop_reason.type === "budget_reached" ? stopped : Approvals.atTurnEnd(stopped)
    }
    case "session.status_rescheduled":
      return {
        ...rest(state, event.processed_at),
        status: "rescheduling",
        resumeAt: event.resume_at,
        queuedThen: state.queue.length,
        reschedules: state.reschedules + 1
      }
    case "session.status_terminated":
      return { ...rest(state, event.processed_at), status: "terminated", queue: [] }
    case "session.error":
      return fail(state, event.error, event.processed_at)
    case "span.egress_approval_used":
      return Approvals.use(state, event.approval_id)
    case "session.updated":
    case "span.egress_request":
      return state
    case "span.model_request_start": {
      const { id, model, purpose = "answer", setup } = event
      const hash = setup === undefined ? state.setup : Hash.ofJson(setup)
      return { ...state, request: { id, model, purpose }, isRequesting: true, setup: hash }
    }
    case "span.model_request_end":
      return event.is_error ? { ...state, isRequesting: false, draft: noDraft } : closeRequest(state, event)
  }
}

const pick = ({ id, name, input }: ToolCall): ToolCall => ({ id, name, input })
