import { json } from "./JsonScanner.ts"
import type { Block } from "./Spec.ts"
import { maxCalls, type Turn } from "./Turn.ts"
import { type Arguments, isArguments, toValues } from "./Values.ts"

/** Reads calls written as JSON: one object, several, or a list of them. */
export const readJson = (body: string, turn: Turn): string => {
  const { broken, rest, values } = toValues(body, maxCalls + 1)
  for (const value of values) callsOf(value, turn)
  for (const text of broken) turn.malformed(text, nameIn(text))
  if (values.length === 0 && broken.length === 0 && body.trim() !== "") turn.malformed(body)
  return values.length === 0 ? "" : rest
}

const callsOf = (value: unknown, turn: Turn): void => {
  for (const one of listOf(value)) {
    const call = callOf(one, turn)
    if (call !== undefined) turn.call(call.name, call.arguments, call.id)
    else turn.malformed(JSON.stringify(one))
  }
}

export const listOf = (value: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  return isArguments(value) && Array.isArray(value.tool_calls) ? value.tool_calls : [value]
}

interface Written {
  readonly name: string
  readonly arguments: unknown
  readonly id?: string
}

const argumentKeys = ["arguments", "parameters", "args", "input"]

/** The call that an object stands for, in any of the shapes that models write it. */
export const callOf = (value: unknown, turn: Turn): Written | undefined => {
  if (!isArguments(value)) return undefined
  if (isArguments(value.function)) return callOf(value.function, turn)
  const name = value.name ?? value.tool_name ?? value.function
  if (typeof name !== "string") return byName(value, turn)
  const key = argumentKeys.find((one) => Object.hasOwn(value, one))
  const id = value.tool_call_id ?? value.id
  const args = key === undefined ? undefined : value[key]
  return typeof id === "string" && id !== "" ? { name, arguments: args, id } : { name, arguments: args }
}

/** `{"tool": {...arguments}}`, taken only where the one key is a tool. */
const byName = (value: Arguments, turn: Turn): Written | undefined => {
  const [entry, ...more] = Object.entries(value)
  if (entry === undefined || more.length > 0 || turn.tool(entry[0]) === undefined) return undefined
  return { name: entry[0], arguments: entry[1] }
}

/** The name in a text that is meant as a call but cannot be read. */
export const nameIn = (text: string): string | undefined =>
  /["'](?:tool_)?name["']\s{0,9}:\s{0,9}["']([^"'\\]{1,128})["']/.exec(text.slice(0, 2_000))?.[1]

/** A block whose text is JSON. */
export const jsonBlock = (open: string, ...closes: ReadonlyArray<string>): Block => ({
  open,
  closes,
  scanner: () => json({ several: true }),
  read: readJson,
  nameOf: nameIn
})
