import type { ClientEvent, StopReason } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import type { OpenCall, QueuedMessage, State } from "./State.ts"

/** What a session does next. Each action ends in events that change the state, so that asking again moves on. */
export type Action =
  /** Nothing to do until a client sends something. */
  | { readonly type: "rest" }
  /** Take queued messages into the conversation. */
  | { readonly type: "takeIn"; readonly messages: ReadonlyArray<QueuedMessage> }
  /** Go on with a turn that waited for a client. */
  | { readonly type: "resume" }
  | { readonly type: "callModel" }
  | { readonly type: "runTools"; readonly calls: ReadonlyArray<OpenCall> }
  /** Answer calls without running them. */
  | { readonly type: "settle"; readonly calls: ReadonlyArray<OpenCall>; readonly text: (call: OpenCall) => string }
  /** Close a model request that will not be answered. */
  | { readonly type: "closeRequest"; readonly id: EventId }
  | { readonly type: "stop"; readonly stopReason: StopReason }

export interface Limits {
  /** Model requests that one turn may make. */
  readonly maxSteps: number
}

const rest: Action = { type: "rest" }
const unanswered = (state: State) => state.calls.filter((call) => call.result === null)
const waitsForClient = (call: OpenCall) => call.runner === "client" || call.permission === "ask"

/** What to do next is a function of the state alone. */
export const next = (state: State, limits: Limits): Action => {
  if (state.status === "terminated") return rest
  const open = unanswered(state)
  if (state.interrupted) return abort(state, open)
  if (state.status !== "running")
    return state.stopReason?.type === "requires_action" ? whileWaiting(state, open) : begin(state)

  if (open.length > 0) return answer(open)
  if (state.messages.at(-1)?.role === "assistant") {
    return state.queue.length > 0 ? takeIn(state) : { type: "stop", stopReason: { type: "end_turn" } }
  }
  return state.steps >= limits.maxSteps
    ? { type: "stop", stopReason: { type: "budget_reached" } }
    : { type: "callModel" }
}

const takeIn = (state: State): Action => ({ type: "takeIn", messages: state.queue })

const begin = (state: State): Action => (state.queue.length > 0 ? takeIn(state) : rest)

/** The calls of an answer: first those that can be answered now, then wait for the client's. */
const answer = (open: ReadonlyArray<OpenCall>): Action => {
  const denied = open.filter((call) => call.permission === "deny")
  if (denied.length > 0) return { type: "settle", calls: denied, text: (call) => `not run: ${call.denial ?? "denied"}` }
  const runnable = open.filter((call) => !waitsForClient(call))
  if (runnable.length > 0) return { type: "runTools", calls: runnable }
  return { type: "stop", stopReason: { type: "requires_action", event_ids: open.map((call) => call.id) } }
}

/** A client may answer some of what it was asked: the rest is asked for again. */
const whileWaiting = (state: State, open: ReadonlyArray<OpenCall>): Action => {
  const waiting = open.filter(waitsForClient).map((call) => call.id)
  if (waiting.length === 0) return { type: "resume" }
  const asked = state.stopReason?.type === "requires_action" ? state.stopReason.event_ids.length : 0
  return waiting.length < asked ? { type: "stop", stopReason: { type: "requires_action", event_ids: waiting } } : rest
}

const abort = (state: State, open: ReadonlyArray<OpenCall>): Action => {
  if (state.request !== null) return { type: "closeRequest", id: state.request }
  if (open.length > 0) return { type: "settle", calls: open, text: () => "interrupted by the user" }
  const cancelled = state.queue.filter(({ id }) => state.cancelled.includes(id))
  if (cancelled.length > 0) return { type: "takeIn", messages: cancelled }
  return { type: "stop", stopReason: { type: "end_turn" } }
}

/** Calls that a process which is gone may have been running, in a state that was just read from the log. */
export const inDoubt = (state: State): ReadonlyArray<OpenCall> =>
  state.status === "running"
    ? unanswered(state).filter((call) => call.permission === "allow" && call.runner === "deployment")
    : []

/** Why a client's event cannot be accepted in this state; null where it can. */
export const refuse = (state: State, event: ClientEvent): string | null => {
  if (state.status === "terminated") return "it has ended"
  switch (event.type) {
    case "user.message":
    case "user.interrupt":
      return null
    case "user.tool_confirmation": {
      const call = state.calls.find(({ id }) => id === event.tool_use_id)
      return call?.permission === "ask" && call.result === null
        ? null
        : `${event.tool_use_id} is not a tool call that waits for a confirmation`
    }
    case "user.custom_tool_result": {
      const call = state.calls.find(({ id }) => id === event.custom_tool_use_id)
      return call?.runner === "client" && call.result === null
        ? null
        : `${event.custom_tool_use_id} is not a tool call that waits for the client's result`
    }
  }
}
