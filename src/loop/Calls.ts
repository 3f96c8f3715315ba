import type { EgressAsk } from "../domain/Egress.ts"
import type { EventId } from "../domain/Ids.ts"
import type { Message, ToolCall } from "../ModelClient.ts"

/** A tool call of the model's latest answer, until all calls of that answer have results. */
export interface OpenCall extends ToolCall {
  /**
   * Who runs it: the deployment, the client (`agent.custom_tool_use`), the loop itself (the one that gives the final answer), or nobody: it is
   * a question of the egress gateway.
   */
  readonly runner: "deployment" | "client" | "loop" | "gateway"
  readonly permission: "allow" | "ask" | "deny"
  /** Why the person who was asked said no. */
  readonly denial: string | null
  /** The request that the gateway asks about. */
  readonly egress: EgressAsk | null
  /** It is to be allowed for ever. */
  readonly isForEver: boolean
  readonly result: { readonly text: string; readonly isError: boolean; readonly isRejected: boolean } | null
}

interface Conversation {
  /** As the model reads it; the calls of its last answer follow in `calls` until they are all answered. */
  readonly messages: ReadonlyArray<Message>
  readonly calls: ReadonlyArray<OpenCall>
  /** Answers in a row of which no call could be run. */
  readonly rejections: number
}

export const open = <S extends Conversation>(state: S, call: Omit<OpenCall, "denial" | "isForEver" | "result">): S => ({
  ...state,
  calls: [...state.calls, { ...call, denial: null, isForEver: false, result: null }]
})

export const update = <S extends Conversation>(state: S, id: EventId, change: Partial<OpenCall>): S => ({
  ...state,
  calls: state.calls.map((call) => (call.id === id ? { ...call, ...change } : call))
})

/** Once every call is answered, the answers join the conversation in the order of the calls, whatever order they came in. */
export const answer = <S extends Conversation>(state: S, id: EventId, result: NonNullable<OpenCall["result"]>): S => {
  const answered = update(state, id, { result })
  if (answered.calls.some((call) => call.result === null)) return answered
  // What became of the gateway's questions is part of the result of the call that they were about.
  const calls = answered.calls.filter(({ egress }) => egress === null)
  const notes = (call: OpenCall) =>
    answered.calls.flatMap(({ egress, result }) => (egress?.tool_use_id === call.id ? [`[${result!.text}]`] : []))
  const results = calls.map((call): Message => ({
    role: "tool",
    toolCallId: call.id,
    name: call.name,
    text: [call.result!.text, ...notes(call)].join("\n"),
    isError: call.result!.isError
  }))
  const rejections = calls.every(({ result }) => result!.isRejected) ? state.rejections + 1 : 0
  return { ...answered, calls: [], rejections, messages: [...answered.messages, ...results] }
}

/** Calls that nobody has answered yet. */
export const unanswered = ({ calls }: Conversation) => calls.filter((call) => call.result === null)

export const waitsForClient = (call: OpenCall) => call.runner === "client" || call.permission === "ask"

/** A call of the model's own that failed beside its final answer, or sent what a person had to be asked about. */
export const failedBeside = ({ calls }: Conversation): OpenCall | undefined => {
  const asked = new Set(calls.map(({ egress }) => egress?.tool_use_id))
  return calls.find(
    ({ id, result, runner }) =>
      (runner === "deployment" || runner === "client") && (result?.isError === true || asked.has(id))
  )
}
