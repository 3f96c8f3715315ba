import type { Message, ModelRequest } from "../ModelClient.ts"

/** What a chat template puts around a message, about. */
const frame = 16

const known = new WeakMap<Message, number>()

/** About how many characters of the prompt a message makes. Counted once: a conversation is estimated again and again. */
export const characters = (message: Message): number => {
  const counted = known.get(message) ?? count(message)
  known.set(message, counted)
  return counted
}

const count = (message: Message): number => {
  switch (message.role) {
    case "user":
      return frame + message.text.length
    case "tool":
      return frame + message.name.length + message.text.length
    case "assistant":
      return message.toolCalls.reduce(
        (sum, { name, input }) => sum + frame + name.length + JSON.stringify(input).length,
        frame + message.text.length + message.reasoning.length
      )
  }
}

export const total = (messages: ReadonlyArray<Message>): number =>
  messages.reduce((sum, message) => sum + characters(message), 0)

/** What stands before the conversation in each request. */
export const preamble = ({ system, tools }: Pick<ModelRequest, "system" | "tools">): number =>
  system.length + (tools.length === 0 ? 0 : JSON.stringify(tools).length)

const usual = 4

/** About how many tokens the messages are, where nobody counted them. */
export const tokens = (messages: ReadonlyArray<Message>): number => total(messages) / usual

/** Outside of these, the count cannot be that of the characters: some servers leave out what they had cached. */
const [fewest, most] = [1, 6]

/**
 * Characters for one token. `contextTokens` is what the server counted in and out of the last answered request, which the last assistant
 * message was the answer to; 0 where it is not known. `before` are the characters that stood before the conversation.
 */
export const charactersPerToken = (messages: ReadonlyArray<Message>, contextTokens: number, before = 0): number => {
  const answer = messages.findLastIndex(({ role }) => role === "assistant")
  if (answer < 0 || contextTokens === 0) return usual
  const counted = before + total(messages.slice(0, answer + 1))
  return Math.min(most, Math.max(fewest, counted / contextTokens))
}
