import type Anthropic from "@anthropic-ai/sdk"

/** An event of a session's log. */
export type LogEvent = Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent
export type Log = ReadonlyArray<LogEvent>
type ClientEvent = Anthropic.Beta.Sessions.BetaManagedAgentsEventParams

/** A request to the model, as its server sees it. */
export interface Shown {
  readonly model: string
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content?: unknown }>
}

/** What a model's server answers. */
export type Answer =
  | {
      readonly text: string
      readonly calls?: ReadonlyArray<{ readonly name: string; readonly label: string }>
      /** A message that the user sends while the answer is being written, which does not end before that message is in the log. */
      readonly meanwhile?: string
    }
  | { readonly status: number; readonly message: string }

/** One answer of the conversation, or what a request for it gets instead. */
type Step = Answer | ((shown: Shown) => Answer)

const task = "Count what there is to count."
const more = "And one more, please."
const summary = "All that was counted so far."

/** The model's part, one entry per answer. What is not a function is the same for every request. */
const steps: ReadonlyArray<Step> = [
  {
    text: "Three at once.",
    calls: [
      { name: "count_safe", label: "first" },
      { name: "count_safe", label: "second" },
      { name: "count", label: "third" }
    ]
  },
  {
    text: "Two of these need a permission.",
    calls: [
      { name: "count_safe", label: "beside" },
      { name: "count_asked", label: "allowed" },
      { name: "count_asked", label: "denied" }
    ]
  },
  { text: "The client has to help.", calls: [{ name: "ask_client", label: "asked" }] },
  { text: "That is all.", meanwhile: more },
  ({ model }) =>
    model === "main"
      ? { status: 400, message: "this model is out of order" }
      : { text: "One more, then.", calls: [{ name: "count", label: "last" }] },
  ({ messages }) =>
    JSON.stringify(messages).includes(summary)
      ? { text: "Done." }
      : { status: 400, message: "the prompt exceeds the maximum context length" }
]

const mark = (step: number) => `[step ${step}]`

/** The latest step that a conversation holds. */
const stepOf = (text: string) =>
  Math.max(0, ...Array.from(text.matchAll(/\[step (\d+)\]/g), ([, step]) => Number(step)))

/** The model: a pure function of what it is shown, so that whoever asks again gets the same answer. `name` is what it was asked for. */
export const answer = (shown: Shown): { readonly name: string; readonly answer: Answer } => {
  const text = JSON.stringify(shown.messages)
  const last = shown.messages.at(-1)
  // What nobody of this conversation said last is the session's own wish for a summary.
  if (last?.role === "user" && ![task, more].includes(String(last.content))) {
    return { name: "summary", answer: { text: `${summary} ${mark(stepOf(text))}` } }
  }
  const number = stepOf(text) + 1
  const step = steps[number - 1]
  if (step === undefined) return { name: `${number}`, answer: { status: 400, message: `there is no step ${number}` } }
  const answer = typeof step === "function" ? step(shown) : step
  return {
    name: `${number}`,
    answer: "text" in answer ? { ...answer, text: `${answer.text} ${mark(number)}` } : answer
  }
}

/** What a session that plays it is made of, where it can reach the counter at this host. */
export const createAgent = async ({ beta }: Anthropic, host: string) => {
  const environment = await beta.environments.create({
    name: "crash",
    config: { type: "cloud", networking: { type: "limited", allowed_hosts: [host] } }
  })
  const agent = await beta.agents.create({
    name: "crash",
    // The SDK's types do not know our fallbacks.
    model: { id: "local/main", fallbacks: ["local/second"] } as { id: string },
    tools: [
      {
        type: "agent_toolset_20260401",
        default_config: { enabled: false },
        configs: [
          { name: "count" as "bash", enabled: true }, // The SDK's types know the built-in tools alone.
          { name: "count_safe" as "bash", enabled: true },
          { name: "count_asked" as "bash", enabled: true, permission_policy: { type: "always_ask" } }
        ]
      },
      { type: "custom", name: "ask_client", description: "Asks the client.", input_schema: { type: "object" } }
    ]
  })
  return { agent: agent.id, environment_id: environment.id }
}

const content = (text: string) => [{ type: "text" as const, text }]
const message = (text: string): ClientEvent => ({ type: "user.message", content: content(text) })

const reply = (asked: LogEvent): ReadonlyArray<ClientEvent> => {
  if (asked.type === "agent.custom_tool_use") {
    return [{ type: "user.custom_tool_result", custom_tool_use_id: asked.id, content: content("the client helped") }]
  }
  if (asked.type !== "agent.tool_use") return []
  const confirmation = { type: "user.tool_confirmation" as const, tool_use_id: asked.id }
  return asked.input["label"] === "denied"
    ? [{ ...confirmation, result: "deny", deny_message: "not this one" }]
    : [{ ...confirmation, result: "allow" }]
}

/** How many answers a session has. */
const answers = (log: Log) => log.filter((event) => event.type === "agent.message").length

const has = (log: Log, text: string) =>
  log.some((event) => event.type === "user.message" && JSON.stringify(event.content).includes(text))

/** What a client that knows nothing but the log sends next. */
export const due = (log: Log): ReadonlyArray<ClientEvent> => {
  const last = log.at(-1)
  if (last === undefined) return [message(task)]
  // What is asked for is answered one by one: a client may.
  if (last.type === "session.status_idle" && last.stop_reason.type === "requires_action") {
    const [id] = last.stop_reason.event_ids
    return log.filter((event) => event.id === id).flatMap(reply)
  }
  const step = steps[answers(log)]
  if (last.type !== "span.model_request_start" || step === undefined || !("meanwhile" in step)) return []
  return has(log, step.meanwhile!) ? [] : [message(step.meanwhile!)]
}

/** Whether the session has ended all that it was asked for. */
export const isOver = (log: Log): boolean => {
  const last = log.at(-1)
  return last?.type === "session.status_idle" && last.stop_reason.type !== "requires_action"
}
