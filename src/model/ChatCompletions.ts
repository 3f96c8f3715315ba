import type * as Schema from "effect/Schema"
import type { Message, ModelRequest } from "../ModelClient.ts"

/** The field in which a server takes its own reasoning back. */
export type ReasoningField = "reasoning_content" | "reasoning"

type Json = { readonly [key: string]: Schema.Json }

/** The conversation as a chat completions request. Content is always text: some servers reject null, some arrays. */
export const messages = (request: ModelRequest, reasoning: ReasoningField): ReadonlyArray<Json> => [
  ...(request.system === "" ? [] : [{ role: "system", content: request.system }]),
  ...request.messages.map((message) => wireMessage(message, reasoning))
]

const wireMessage = (message: Message, reasoning: ReasoningField): Json => {
  switch (message.role) {
    case "user":
      return { role: "user", content: message.text }
    case "assistant":
      return {
        role: "assistant",
        content: message.text,
        ...(message.reasoning === "" ? {} : { [reasoning]: message.reasoning }),
        ...(message.toolCalls.length === 0
          ? {}
          : {
              tool_calls: message.toolCalls.map(({ id, name, input }) => ({
                id,
                type: "function",
                function: { name, arguments: JSON.stringify(input) }
              }))
            })
      }
    case "tool":
      return {
        role: "tool",
        tool_call_id: message.toolCallId,
        name: message.name,
        // The protocol has no field for it.
        content: message.isError ? `Error: ${message.text}` : message.text
      }
  }
}

/** Nothing at all where the request offers no tools: some servers reject an empty list. */
export const tools = (request: ModelRequest): Json =>
  request.tools.length === 0
    ? {}
    : {
        tools: request.tools.map(({ name, description, parameters }) => ({
          type: "function",
          function: { name, description, parameters }
        }))
      }

/**
 * Writes request bodies: the fields given, then the tools, then the messages. They come last, so that each request of a session begins with
 * the bytes of the one before it, and each message is written as JSON once: a long conversation is sent again and again.
 */
export const bodyWriter = (reasoning: ReasoningField) => {
  const written = new WeakMap<Message, string>()
  const textOf = (message: Message): string => {
    const known = written.get(message)
    if (known !== undefined) return known
    const text = JSON.stringify(wireMessage(message, reasoning))
    written.set(message, text)
    return text
  }
  return (fields: Json, request: ModelRequest): string => {
    const system = request.system === "" ? [] : [JSON.stringify({ role: "system", content: request.system })]
    const head = JSON.stringify({ ...fields, ...tools(request) })
    return `${head.slice(0, -1)},"messages":[${[...system, ...request.messages.map(textOf)].join(",")}]}`
  }
}
