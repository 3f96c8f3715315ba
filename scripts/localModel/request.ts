import type { Sampling } from "./llama.ts"
import { BadRequest, type Conversation, type Message } from "./prompt.ts"

/** A chat completions request, as far as a local model answers it. */
export interface CompletionRequest extends Conversation {
  readonly model: string | undefined
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly maxTokens: number | undefined
  readonly sampling: Partial<Sampling>
}

type Body = { readonly [field: string]: unknown }

const isBody = (value: unknown): value is Body => typeof value === "object" && value !== null && !Array.isArray(value)

/** What would change the answer and is not done here is refused by name, unless it asks for what is done anyway. */
const unsupported: { readonly [field: string]: (value: unknown) => boolean } = {
  n: (value) => value === 1,
  stop: (value) => Array.isArray(value) && value.length === 0,
  logprobs: (value) => value === false,
  response_format: (value) => isBody(value) && value["type"] === "text",
  tool_choice: (value) => value === "auto" || value === "none"
}

export const read = (text: string): CompletionRequest => {
  const body = parse(text)
  for (const [field, isFine] of Object.entries(unsupported)) {
    const value = body[field]
    if (value !== undefined && value !== null && !isFine(value)) {
      throw new BadRequest(`${field}: ${JSON.stringify(value)} is not supported`)
    }
  }
  const messages: unknown = body["messages"]
  if (!Array.isArray(messages) || messages.length === 0) throw new BadRequest("messages: expected one at least")
  messages.forEach((message: unknown, index) => {
    if (!isBody(message) || typeof message["role"] !== "string") {
      throw new BadRequest(`messages[${index}]: expected an object with a role`)
    }
  })
  const tools = body["tools"] ?? []
  if (!Array.isArray(tools) || !tools.every(isBody)) throw new BadRequest("tools: expected a list of objects")
  const streamOptions = body["stream_options"]
  const number = (field: string, least: number): number | undefined => {
    const value = body[field] ?? undefined
    if (value === undefined || (typeof value === "number" && value >= least)) return value
    throw new BadRequest(`${field}: expected a number of ${least} at least`)
  }
  const numbers = {
    temperature: number("temperature", 0),
    topP: number("top_p", 0),
    topK: number("top_k", 0),
    minP: number("min_p", 0),
    seed: number("seed", 0)
  }
  return {
    model: typeof body["model"] === "string" ? body["model"] : undefined,
    messages: messages as ReadonlyArray<Message>, // Looked at above.
    tools: body["tool_choice"] === "none" ? [] : tools,
    stream: body["stream"] === true,
    includeUsage: isBody(streamOptions) && streamOptions["include_usage"] === true,
    maxTokens: number("max_completion_tokens", 1) ?? number("max_tokens", 1),
    sampling: Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined))
  }
}

const parse = (text: string): Body => {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    throw new BadRequest(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isBody(body)) throw new BadRequest("the body is not a JSON object")
  return body
}
