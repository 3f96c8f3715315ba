import type { Template } from "./llama.ts"

/** A chat completions request as far as the prompt is made of it. */
export interface Conversation {
  readonly messages: ReadonlyArray<Message>
  readonly tools: ReadonlyArray<object>
}

export interface Message {
  readonly role: string
  readonly content?: unknown
  readonly tool_calls?: ReadonlyArray<{ readonly function?: { readonly name?: unknown; readonly arguments?: unknown } }>
  readonly [field: string]: unknown
}

/** The request asks for something that this model or this server cannot do. */
export class BadRequest extends Error {
  readonly status: number
  readonly code: string | null

  constructor(message: string, status = 400, code: string | null = null) {
    super(message)
    this.status = status
    this.code = code
  }
}

/**
 * The prompt as the model's own template writes it, tools and earlier calls included: it was trained on that form, and answers in it. Calls are
 * left in the text of its answer, where whoever reads it finds them.
 */
export const render = (template: Template, { messages, tools }: Conversation, fixed: object): string => {
  const plain = messages.map(withText)
  const write = (messages: ReadonlyArray<Message>, tools: ReadonlyArray<object>) =>
    template({ ...fixed, messages, ...(tools.length === 0 ? {} : { tools }), add_generation_prompt: true })
  const either = (tools: ReadonlyArray<object>, messages: ReadonlyArray<Message>) => {
    try {
      // Most templates want arguments as objects, some as text.
      return write(messages.map(withObjects), tools)
    } catch (first) {
      try {
        return write(messages, tools)
      } catch {
        throw new BadRequest(`the model's chat template cannot write this conversation: ${messageOf(first)}`)
      }
    }
  }
  const prompt = either(tools, plain)
  if (tools.length === 0 || prompt !== either([], plain)) return prompt
  // The template knows no tools: then the system prompt tells of them.
  const [first, ...rest] = plain
  const system = first?.role === "system" ? `${String(first.content)}\n\n${describe(tools)}` : describe(tools)
  return either([], [{ role: "system", content: system }, ...(first?.role === "system" ? rest : plain)])
}

const describe = (tools: ReadonlyArray<object>) => `You may call these tools:
<tools>
${tools.map((tool) => JSON.stringify(tool)).join("\n")}
</tools>
Write each call as a JSON object with the tool's name and arguments, like this, and then stop:
<tool_call>
{"name": "...", "arguments": {...}}
</tool_call>`

const withText = (message: Message): Message => ({ ...message, content: textOf(message.content) })

/** Parts of text are one text; other kinds of parts are for models that see and hear. */
const textOf = (content: unknown): string => {
  if (content === undefined || content === null) return ""
  if (typeof content === "string") return content
  if (!Array.isArray(content)) throw new BadRequest("content: expected text")
  return content
    .map((part: { readonly text?: unknown }) => {
      if (typeof part?.text === "string") return part.text
      throw new BadRequest("content: only parts of type text are supported")
    })
    .join("")
}

const withObjects = (message: Message): Message =>
  message.tool_calls === undefined
    ? message
    : {
        ...message,
        tool_calls: message.tool_calls.map((call) => ({
          ...call,
          function: { ...call.function, arguments: parsed(call.function?.arguments) }
        }))
      }

const parsed = (text: unknown): unknown => {
  try {
    return typeof text === "string" ? JSON.parse(text) : text
  } catch {
    return text
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
