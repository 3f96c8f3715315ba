import { python } from "./JsonScanner.ts"
import { readJson } from "./jsonCalls.ts"
import { Reader } from "./Literal.ts"
import type { Block, How } from "./Spec.ts"
import type { Turn } from "./Turn.ts"

interface Written {
  readonly name: string
  readonly arguments: { readonly [key: string]: unknown }
}

/** `[f(a=1), g(b='x')]`, with or without the brackets, separated by commas or line breaks; undefined where it is not that. */
const calls = (text: string): ReadonlyArray<Written> | undefined => {
  const reader = new Reader(text.trim())
  const found: Array<Written> = []
  try {
    const listed = reader.take("[")
    for (; reader.at < reader.text.length; reader.space()) {
      if (listed && reader.take("]")) break
      found.push(call(reader))
      reader.take(",")
    }
  } catch {
    return undefined
  }
  return reader.at < reader.text.length ? undefined : found
}

const call = (reader: Reader): Written => {
  const name = reader.word()
  const entries: Array<[string, unknown]> = []
  reader.need("(")
  while (!reader.take(")")) {
    const key = reader.word()
    reader.need("=")
    entries.push([key, reader.value()])
    if (!reader.take(",")) {
      reader.need(")")
      break
    }
  }
  return { name, arguments: Object.fromEntries(entries) }
}

const nameOf = (body: string): string | undefined => /^\s{0,9}\[?\s{0,9}([\w.-]{1,128})\s{0,9}\(/.exec(body)?.[1]

/** A block of calls that a marker announces. */
export const pythonBlock = (open: string, close: string): Block => ({
  open,
  closes: [close],
  scanner: python,
  isWhole: (body) => calls(body) !== undefined,
  read: (body, turn) => {
    const text = body.trim()
    if (text === "") return
    if (/^(?:\[\s{0,9})?\{/.test(text)) return readJson(body, turn)
    const found = calls(text)
    if (found === undefined) return turn.malformed(body, nameOf(body))
    for (const one of found) turn.call(one.name, one.arguments)
  },
  nameOf
})

/** Whether what stands at `at` begins a call of a declared tool; undefined where too little of it is there. */
export const startsCall = (text: string, at: number, turn: Turn): boolean | undefined => {
  const first = text.charCodeAt(at)
  if (first < 0x41 || (first > 0x5a && first < 0x61 && first !== 0x5f)) return false
  const head = text.slice(at, at + 160)
  const name = /^([\p{L}_][\p{L}\p{N}_.-]{0,128})\s{0,9}\(/u.exec(head)?.[1]
  if (name !== undefined) return turn.tool(name) !== undefined
  return head.length < 160 && /^(?:[\p{L}_][\p{L}\p{N}_.-]{0,128}\s{0,9})?$/u.test(head) ? undefined : false
}

/** Calls in the middle of text. What only looks like some is text; what was cut off is not, for its first name is a tool's. */
export const readPython = (text: string, turn: Turn, how: How): false | void => {
  const found = how.closed ? calls(text) : undefined
  if (found?.every((one) => turn.tool(one.name) !== undefined) === true) {
    turn.beginCall()
    for (const one of found) turn.call(one.name, one.arguments)
  } else if (how.cutOff) turn.incomplete(text, nameOf(text))
  else return false
}
