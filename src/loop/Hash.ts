import type * as Schema from "effect/Schema"
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

/** Without its ids: those of another session that went the same way differ. */
const ofMessage = (message: Message): number => hashOf(JSON.stringify(partsOf(message)))

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

/** Of the last request of a session, by its list of tools, which is one for all of them. */
interface Last {
  readonly system: string
  readonly preamble: string
  readonly messages: ReadonlyArray<Message>
  readonly hash: number
}
const lasts = new WeakMap<ModelRequest["tools"], Last>()

const isBeginning = (before: ReadonlyArray<Message>, messages: ReadonlyArray<Message>): boolean => {
  for (let index = 0; index < before.length; index++) if (before[index] !== messages[index]) return false
  return true
}

const ofPreamble = ({ system, tools }: ModelRequest): string =>
  `${hex(hashOf(system))}-${hex(hashOf(JSON.stringify(tools)))}`

/** Of what the model is shown: `<system prompt>-<tools>-<messages>`, each in 8 hexadecimal digits. Goes on from the request before. */
export const ofRequest = (request: ModelRequest): string => {
  const { messages, system, tools } = request
  const last = lasts.get(tools)
  const from = last !== undefined && isBeginning(last.messages, messages) ? last : { messages: [], hash: 0 }
  let { hash } = from
  for (let index = from.messages.length; index < messages.length; index++) {
    hash = Math.imul(hash ^ ofMessage(messages[index]!), 0x01000193) + 1
  }
  const preamble = last?.system === system ? last.preamble : ofPreamble(request)
  lasts.set(tools, { system, preamble, messages, hash })
  return `${preamble}-${hex(hash)}`
}
