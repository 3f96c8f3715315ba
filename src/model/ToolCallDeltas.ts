import type { ToolCallDelta } from "./ChatChunk.ts"
import { parseJson } from "./ChatChunk.ts"

interface Call {
  readonly index: number | null
  id: string
  name: string
  arguments: string
}

/**
 * Puts tool calls together from the pieces of a stream. Servers differ in what tells two calls apart: some repeat one index for every
 * call, some send no index or no id, some repeat the name in each piece or send the arguments a second time at the end.
 */
export class ToolCallDeltas {
  readonly calls: Array<Call> = []

  add(delta: ToolCallDelta): void {
    const piece = {
      index: delta.index ?? null,
      id: String(delta.id ?? ""),
      name: delta.function?.name || delta.name || "",
      arguments: argumentsText(delta.function?.arguments ?? delta.arguments)
    }
    if (piece.id === "" && piece.name === "" && piece.arguments === "") return
    const call = this.callOf(piece)
    if (call === undefined) {
      this.calls.push(piece)
      return
    }
    call.id ||= piece.id
    call.name = piece.name || call.name
    if (!repeats(call, piece)) call.arguments += piece.arguments
  }

  /** The call that a piece continues; undefined where it starts one. */
  private callOf(piece: Readonly<Call>): Call | undefined {
    const candidates = piece.index === null ? this.calls : this.calls.filter(({ index }) => index === piece.index)
    const call = candidates.findLast(({ id }) => id !== "" && id === piece.id) ?? candidates.at(-1)
    if (call === undefined) return undefined
    if (piece.id !== "" && call.id !== "" && piece.id !== call.id) return undefined
    return piece.name === "" || call.name === "" || namesSameCall(call, piece) ? call : undefined
  }
}

/** A second name is a second call, but for a name that is repeated, or is sent again longer while it grows. */
const namesSameCall = (call: Readonly<Call>, piece: Readonly<Call>): boolean => {
  if (piece.name !== call.name) return call.arguments === "" && piece.name.startsWith(call.name)
  if (!isWhole(call.arguments) || repeats(call, piece)) return true
  return piece.arguments === "" && piece.id !== ""
}

const repeats = (call: Readonly<Call>, piece: Readonly<Call>): boolean =>
  piece.arguments === call.arguments && isWhole(call.arguments)

const isWhole = (text: string): boolean => text.endsWith("}") && parseJson(text) !== undefined

const argumentsText = (value: unknown): string => {
  if (value === undefined || value === null) return ""
  return typeof value === "string" ? value : JSON.stringify(value)
}
