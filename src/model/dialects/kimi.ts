import { json } from "./JsonScanner.ts"
import type { Block, Spec } from "./Spec.ts"
import { think } from "./toolCall.ts"
import type { Turn } from "./Turn.ts"
import { coerce, property } from "./Coerce.ts"
import { isArguments, toValue } from "./Values.ts"

const begin = "<|tool_call_argument_begin|>"

/** `functions.NAME:0`, then the arguments. The whole is the id, which the model expects to see again. */
const readK2 = (body: string, turn: Turn): void => {
  const at = body.indexOf(begin)
  const brace = at < 0 ? body.indexOf("{") : at
  const id = body.slice(0, brace < 0 ? body.length : brace).trim()
  const name = nameOf(id)
  if (brace < 0) return turn.malformed(body, name)
  const text = at < 0 ? body.slice(brace) : body.slice(at + begin.length)
  turn.callText(/^\d{0,9}$/.test(name) ? (named(text, turn) ?? name) : name, text, id)
}

/** Now and then nothing of the name comes but its number: then the arguments say which tool is meant, if they fit only one. */
const named = (text: string, turn: Turn): string | undefined => {
  const { ok, ...rest } = toValue(text)
  return ok && "value" in rest && isArguments(rest.value) ? turn.toolFor(rest.value)?.name : undefined
}

const nameOf = (id: string): string => id.replace(/^functions\./, "").replace(/:\d{1,9}$/, "")

const k2: Block = {
  open: "<|tool_call_begin|>",
  closes: ["<|tool_call_end|>"],
  scanner: () => json({ after: "anything" }),
  read: readK2,
  nameOf: (body) => nameOf(body.split(begin)[0]!.trim()) || undefined
}

const separator = "<|sep|>"
const endOfArgument = "<|close|>argument<|sep|>"

/** `tool="NAME" index="1"<|sep|>`, then `<|open|>argument key="K" type="T"<|sep|>V<|close|>argument<|sep|>` for each argument. */
const readK3 = (body: string, turn: Turn): void => {
  const name = quoted(body.slice(0, 600), "tool")
  if (name === undefined) return turn.malformed(body)
  const tool = turn.tool(name)
  const entries: Array<[string, unknown]> = []
  for (const part of body.split("<|open|>argument ").slice(1)) {
    const start = part.indexOf(separator)
    const key = quoted(part.slice(0, Math.max(start, 0)), "key")
    if (key === undefined) return turn.malformed(body, name)
    const end = part.indexOf(endOfArgument, start)
    const raw = part.slice(start + separator.length, end < 0 ? part.length : end)
    const type = quoted(part.slice(0, start), "type")
    entries.push([key, coerce(raw, property(tool?.parameters, key) ?? { type }, tool?.parameters)])
  }
  turn.call(name, Object.fromEntries(entries))
}

const quoted = (text: string, attribute: string): string | undefined =>
  new RegExp(`${attribute}="([^"]{0,256})"`).exec(text)?.[1]

const k3: Block = {
  open: "<|open|>call ",
  closes: ["<|close|>call<|sep|>"],
  values: [{ open: "<|open|>argument ", close: endOfArgument }],
  read: readK3,
  nameOf: (body) => quoted(body.slice(0, 600), "tool")
}

/** Kimi K2 and its successors, and the thinking of those before it. */
export const kimi: Spec = {
  thinking: [
    think,
    { open: "◁think▷", close: "◁/think▷", anywhere: true },
    { open: "<|open|>think<|sep|>", close: "<|close|>think<|sep|>", anywhere: true }
  ],
  blocks: [k2, k3],
  sections: ["<|tool_calls_section_begin|>", "<|tool_call_section_begin|>", "<|open|>tools<|sep|>"],
  answers: ["<|open|>response<|sep|>"],
  dropped: [
    "<|tool_calls_section_end|>",
    "<|tool_call_section_end|>",
    "<|close|>tools<|sep|>",
    "<|close|>response<|sep|>",
    "<|close|>message<|sep|>",
    "<|im_end|>"
  ]
}
