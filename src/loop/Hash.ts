import type { Schema } from "effect"
import type { Message, ModelRequest } from "../ModelClient.ts"

/**
 * Hashes that tell whether a model is shown the same as before. Made to be cheap: each message is hashed once in a session's life, and
 * nobody is kept from making another text of the same hash.
 */

/** Of 32 bits, over the UTF-16 units of a text: FNV-1a, whose bits are mixed at the end. */
const hashOf = (text: string, seed = 0): number => {
  let hash = 0x811c9dc5 ^ seed
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

const hex = (hash: number) => (hash >>> 0).toString(16).padStart(8, "0")

/** So many times 8 hexadecimal digits. */
export const ofText = (text: string, words: number): string =>
  Array.from({ length: words }, (_, word) => hex(hashOf(text, Math.imul(word, 0x9e3779b1)))).join("")

export const ofJson = (value: Schema.Json): string => hex(hashOf(JSON.stringify(value)))

const known = new WeakMap<Message, number>()

/** Without its ids: those of another session that went the same way differ. */
const ofMessage = (message: Message): number => {
  const hash = known.get(message) ?? hashOf(JSON.stringify(partsOf(message)))
  known.set(message, hash)
  return hash
}

const partsOf = (message: Message): ReadonlyArray<Schema.Json> => {
  switch (message.role) {
    case "user":
      return ["user", message.text]
    case "assistant":
      return [message.text, message.reasoning, ...message.toolCalls.flatMap(({ name, input }) => [name, input])]
    case "tool":
      return ["tool", message.name, message.text, message.isError]
  }
}

const preambles = new WeakMap<ModelRequest["tools"], { readonly system: string; readonly hash: string }>()

const ofPreamble = ({ system, tools }: ModelRequest): string => {
  const last = preambles.get(tools)
  if (last?.system === system) return last.hash
  const hash = `${hex(hashOf(system))}-${hex(hashOf(JSON.stringify(tools)))}`
  preambles.set(tools, { system, hash })
  return hash
}

/** Of what the model is shown: `<system prompt>-<tools>-<messages>`, each in 8 hexadecimal digits. */
export const ofRequest = (request: ModelRequest): string => {
  let messages = 0
  for (const message of request.messages) messages = Math.imul(messages ^ ofMessage(message), 0x01000193) + 1
  return `${ofPreamble(request)}-${hex(messages)}`
}
