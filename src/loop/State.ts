import type { ModelUsage, SessionEvent, StopReason } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import type { SessionStatus } from "../domain/Session.ts"
import type { Message, ToolCall } from "../ModelClient.ts"

/** A tool call of the model's latest answer, until all calls of that answer have results. */
export interface OpenCall extends ToolCall {
  /** Who runs it: the deployment, or the client (`agent.custom_tool_use`). */
  readonly runner: "deployment" | "client"
  readonly permission: "allow" | "ask" | "deny"
  /** Why the person who was asked said no. */
  readonly denial: string | null
  readonly result: { readonly text: string; readonly isError: boolean } | null
}

export interface QueuedMessage {
  readonly id: EventId
  readonly text: string
}

/** What a session is, as the fold over its events. */
export interface State {
  readonly status: SessionStatus
  readonly stopReason: StopReason | null
  /** The conversation as the model reads it; the calls of its last answer follow in `calls` until they are all answered. */
  readonly messages: ReadonlyArray<Message>
  readonly calls: ReadonlyArray<OpenCall>
  /** Accepted messages that no turn has taken in yet. */
  readonly queue: ReadonlyArray<QueuedMessage>
  /** The parts of an answer whose `span.model_request_end` is still to come. */
  readonly draft: { readonly text: string; readonly reasoning: string }
  /** The model request that has started and not ended. */
  readonly request: EventId | null
  /** Model requests of this turn that were answered. */
  readonly steps: number
  readonly interrupted: boolean
  /** Messages that were interrupted before a turn took them in: they join the conversation unanswered. */
  readonly cancelled: ReadonlyArray<EventId>
  readonly usage: ModelUsage
}

export const noUsage: ModelUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0
}

const noDraft = { text: "", reasoning: "" }

export const initial: State = {
  status: "idle",
  stopReason: null,
  messages: [],
  calls: [],
  queue: [],
  draft: noDraft,
  request: null,
  steps: 0,
  interrupted: false,
  cancelled: [],
  usage: noUsage
}

const text = (content: ReadonlyArray<{ readonly text: string }>) => content.map((block) => block.text).join("\n")

const addUsage = (a: ModelUsage, b: ModelUsage): ModelUsage => ({
  input_tokens: a.input_tokens + b.input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  cache_read_input_tokens: a.cache_read_input_tokens + b.cache_read_input_tokens,
  cache_creation_input_tokens: a.cache_creation_input_tokens + b.cache_creation_input_tokens
})

/** Once every call is answered, the answers join the conversation in the order of the calls, whatever order they came in. */
const closeCalls = (state: State): State =>
  state.calls.some((call) => call.result === null)
    ? state
    : {
        ...state,
        calls: [],
        messages: [
          ...state.messages,
          ...state.calls.map(({ id, name, result }): Message => ({
            role: "tool",
            toolCallId: id,
            name,
            text: result!.text,
            isError: result!.isError
          }))
        ]
      }

const updateCall = (state: State, id: EventId, change: Partial<OpenCall>): State => ({
  ...state,
  calls: state.calls.map((call) => (call.id === id ? { ...call, ...change } : call))
})

const openCall = (state: State, call: Omit<OpenCall, "denial" | "result">): State => ({
  ...state,
  calls: [...state.calls, { ...call, denial: null, result: null }]
})

/** The answer is whole: its text, reasoning and calls become one message. */
const closeRequest = (state: State, usage: ModelUsage): State => ({
  ...state,
  request: null,
  draft: noDraft,
  steps: state.steps + 1,
  usage: addUsage(state.usage, usage),
  messages: [
    ...state.messages,
    {
      role: "assistant",
      ...state.draft,
      toolCalls: state.calls.map(({ id, name, input }) => ({ id, name, input }))
    }
  ]
})

/** Ends the turn that runs or waits; messages behind it stay queued. Before a turn, it is the messages that it ends. */
const interrupt = (state: State): State =>
  state.status === "running" || state.calls.length > 0
    ? { ...state, interrupted: true }
    : { ...state, interrupted: state.queue.length > 0, cancelled: state.queue.map(({ id }) => id) }

/** The state after one more event. */
export const fold = (state: State, event: SessionEvent): State => {
  switch (event.type) {
    case "user.message": {
      const message = { id: event.id, text: text(event.content) }
      return event.processed_at === null
        ? { ...state, queue: [...state.queue, message] }
        : {
            ...state,
            queue: state.queue.filter((queued) => queued.id !== event.id),
            messages: [...state.messages, { role: "user", text: message.text }]
          }
    }
    case "user.interrupt":
      return interrupt(state)
    case "user.tool_confirmation":
      return updateCall(
        state,
        event.tool_use_id,
        event.result === "allow"
          ? { permission: "allow" }
          : { permission: "deny", denial: event.deny_message ?? "the user did not allow this" }
      )
    case "user.custom_tool_result":
      return closeCalls(
        updateCall(state, event.custom_tool_use_id, {
          result: { text: text(event.content ?? []), isError: event.is_error ?? false }
        })
      )
    case "agent.message":
      return { ...state, draft: { ...state.draft, text: text(event.content) } }
    case "agent.thinking":
      return { ...state, draft: { ...state.draft, reasoning: text(event.content) } }
    case "agent.tool_use":
      return openCall(state, { ...pick(event), runner: "deployment", permission: event.evaluated_permission })
    case "agent.custom_tool_use":
      return openCall(state, { ...pick(event), runner: "client", permission: "allow" })
    case "agent.tool_result":
      return closeCalls(
        updateCall(state, event.tool_use_id, { result: { text: text(event.content), isError: event.is_error } })
      )
    case "session.status_running":
      return {
        ...state,
        status: "running",
        stopReason: null,
        steps: state.stopReason?.type === "requires_action" ? state.steps : 0
      }
    case "session.status_idle":
      return event.stop_reason.type === "requires_action"
        ? { ...state, status: "idle", stopReason: event.stop_reason }
        : { ...state, status: "idle", stopReason: event.stop_reason, interrupted: false, cancelled: [] }
    case "session.status_terminated":
      return { ...state, status: "terminated", queue: [] }
    case "session.error":
      return state
    case "span.model_request_start":
      return { ...state, request: event.id }
    case "span.model_request_end":
      return event.is_error ? { ...state, request: null, draft: noDraft } : closeRequest(state, event.model_usage)
  }
}

const pick = ({ id, name, input }: ToolCall): ToolCall => ({ id, name, input })
