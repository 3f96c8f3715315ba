import { Reader } from "./Literal.ts"
import { pythonBlock } from "./pythonCalls.ts"
import type { Block, Spec } from "./Spec.ts"
import { think } from "./toolCall.ts"
import type { Turn } from "./Turn.ts"

/** `call:NAME{key:value}` with keys without quotes, and strings between tokens in which nothing is escaped. */
const read =
  (quote: string) =>
  (body: string, turn: Turn): void => {
    const name = nameOf(body)
    if (name === undefined) return turn.malformed(body)
    const reader = new Reader(body.slice(body.indexOf(name) + name.length), { quotes: [quote], bare: true })
    try {
      reader.space()
      turn.call(name, reader.record())
    } catch {
      turn.malformed(body, name)
    }
  }

const nameOf = (body: string): string | undefined =>
  /^\s{0,9}(?:call:)?\s{0,9}([^\s{:]{1,128})(?=\s{0,9}\{|$)/.exec(body)?.[1]

const block = (open: string, close: string, quote: string): Block => ({
  open,
  closes: [close],
  values: [{ open: quote, close: quote }],
  read: read(quote),
  nameOf
})

/** Gemma 4, FunctionGemma, and Gemma 3, which is told to write Python in a fence. */
export const gemma: Spec = {
  thinking: [{ open: "<|channel>", close: "<channel|>", anywhere: true, label: "thought" }, think],
  blocks: [
    block("<|tool_call>", "<tool_call|>", '<|"|>'),
    block("<start_function_call>", "<end_function_call>", "<escape>"),
    pythonBlock("```tool_code\n", "```")
  ],
  dropped: ["<channel|>", "<turn|>", "<end_of_turn>", "<start_function_response>", "<|tool_response>"]
}
