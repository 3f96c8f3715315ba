import type { EventId } from "../domain/Ids.ts"
import type { Message, ToolCall } from "../ModelClient.ts"

/** A tool call of the model's latest answer, until all calls of that answer have results. */
export interface OpenCall extends ToolCall {
  /** Who runs it: the deployment, the client (`agent.custom_tool_use`), or the loop itself: the one that gives the final answer. */
  readonly runner: "deployment" | "client" | "loop"
  readonly permission: "allow" | "ask" | "deny"
  /** Why the person who was asked said no. */
  readonly denial: string | null
  readonly result: { readonly text: string; readonly isError: boolean; readonly isRejected: boolean } | null
}

interface Conversation {
  /** As the model reads it; the calls of its last answer follow in `calls` until they are all answered. */
  readonly messages: ReadonlyArray<Message>
  readonly calls: ReadonlyArray<OpenCall>
  /** Answers in a row of which no call could be run. */
  readonly rejections: number
}

export const open = <S extends Conversation>(state: S, call: Omit<OpenCall, "denial" | "result">): S => ({
  ...state,
  calls: [...state.calls, { ...call, denial: null, result: null }]
})

export const update = <S extends Conversation>(state: S, id: EventId, change: Partial<OpenCall>): S => ({
  ...state,
  calls: state.calls.map((call) => (call.id === id ? { ...call, ...change } : call))
})

/** Once every call is answered, the answers join the conversation in the order of the calls, whatever order they came in. */
export const answer = <S extends Conversation>(state: S, id: EventId, result: NonNullable<OpenCall["result"]>): S => {
  const answered = update(state, id, { result })
  if (answered.calls.some((call) => call.result === null)) return answered
  const results = answered.calls.map(({ id, name, result }): Message => ({
    role: "tool",
    toolCallId: id,
    name,
    text: result!.text,
    isError: result!.isError
  }))
  const rejections = answered.calls.every(({ result }) => result!.isRejected) ? state.rejections + 1 : 0
  return { ...answered, calls: [], rejections, messages: [...answered.messages, ...results] }
}

/** Calls that nobody has answered yet. */
export const unanswered = ({ calls }: Conversation) => calls.filter((call) => call.result === null)

export const waitsForClient = (call: OpenCall) => call.runner === "client" || call.permission === "ask"
