import { json, python } from "./JsonScanner.ts"
import { callOf, listOf } from "./jsonCalls.ts"
import { readPython, startsCall } from "./pythonCalls.ts"
import type { Block, How } from "./Spec.ts"
import { maxCalls, type Turn } from "./Turn.ts"
import { toValue, toValues } from "./Values.ts"

/** Whether JSON that begins after a brace can be a call; undefined where too little of it is there. */
const beginsObject = (text: string, at: number): boolean | undefined => {
  const start = afterSpace(text, at)
  if (start < text.length && text.charCodeAt(start) !== 0x22) return false
  const head = text.slice(at, at + 64)
  if (/^\s{0,16}"(?:name|type|function|id|parameters|arguments|tool_calls|tool_name|tool_call_id)"\s{0,8}:/.test(head))
    return true
  return head.length < 64 && /^\s{0,16}(?:"[a-z_]{0,16}(?:"\s{0,8})?)?$/.test(head) ? undefined : false
}

const beginsList = (text: string, at: number, turn: Turn): boolean | undefined => {
  const start = afterSpace(text, at)
  if (start === text.length) return undefined
  return text[start] === "{" ? beginsObject(text, start + 1) : startsCall(text, start, turn)
}

const afterSpace = (text: string, from: number): number => {
  let at = from
  while (at < text.length && at < from + 16 && text.charCodeAt(at) <= 0x20) at++
  return at
}

/** Plain JSON is a call only where every one names a declared tool and has arguments; anything else is text, and so is what follows at once. */
const readJson = (text: string, turn: Turn): boolean => {
  if (turn.afterJson || !turn.mentions(text)) return false
  const one = toValue(text)
  const { broken, values } = one.ok ? { broken: [], values: [one.value] } : toValues(text, maxCalls + 1)
  const calls = values.flatMap(listOf).map((value) => callOf(value, turn))
  const declared = calls.every((call) => call?.arguments !== undefined && turn.tool(call.name) !== undefined)
  if (calls.length === 0 || broken.length > 0 || !declared) return false
  turn.beginCall()
  for (const call of calls) if (call !== undefined) turn.call(call.name, call.arguments, call.id)
  return true
}

const read =
  (open: "{" | "[") =>
  (body: string, turn: Turn, how: How): false | void => {
    const text = open + body
    if (open === "[" && /^\s{0,16}[^\s{]/.test(body)) return readPython(text, turn, how)
    // A list of which only the last bracket is missing has whole calls in it.
    const whole = how.closed ? text : open === "[" ? body.trim() : ""
    return whole !== "" && readJson(whole, turn) ? undefined : false
  }

/** The opening bracket is a part of the value, so the scanner sees it first. */
const block = (open: "{" | "[", accepts: NonNullable<Block["accepts"]>): Block => ({
  open,
  closes: [],
  endsWithValue: true,
  scanner: () => {
    const scanner = open === "{" ? json() : python()
    scanner.read(open, 0, 1)
    return scanner
  },
  accepts,
  read: read(open)
})

/** Calls in the middle of text, without any marker: JSON, a list of it, or a list of calls as Python writes them. */
export const bare: ReadonlyArray<Block> = [block("{", beginsObject), block("[", beginsList)]
