import type { ToolCallDelta } from "./ChatChunk.ts"
import { parseJson } from "./ChatChunk.ts"

interface Call {
  /** Which chunk it began with. */
  readonly chunk: number
  readonly index: number | null
  id: string
  name: string
  arguments: string
}

/** What a call counts beside its text: it becomes two events of the session's log. */
const callLength = 1000

/**
 * Puts tool calls together from the pieces of a stream. Servers differ in what tells two calls apart: some repeat one index for every
 * call, some send no index or no id, some repeat the name in each piece or send the arguments a second time at the end.
 */
export class ToolCallDeltas {
  readonly calls: Array<Call> = []
  /** Of all calls, in characters. */
  length = 0
  private chunk = 0

  /** What one chunk of a stream holds. */
  addPieces(deltas: ReadonlyArray<ToolCallDelta>): void {
    this.chunk++
    for (const delta of deltas) {
      const piece = read(delta, this.chunk)
      if (isEmpty(piece)) continue
      const call = this.callOf(piece)
      if (call === undefined) this.start(piece)
      else this.grow(call, piece)
    }
  }

  /** What an answer holds that was not streamed: one call for each entry. */
  addWhole(deltas: ReadonlyArray<ToolCallDelta>): void {
    for (const delta of deltas) {
      const call = read(delta, this.chunk)
      if (!isEmpty(call)) this.start(call)
    }
  }

  private start(call: Call): void {
    this.calls.push(call)
    this.length += callLength + lengthOf(call)
  }

  private grow(call: Call, piece: Readonly<Call>): void {
    this.length -= lengthOf(call)
    call.id ||= piece.id
    call.name = piece.name || call.name
    // Some servers begin with an empty object, and send the real one piece by piece.
    if (call.arguments === "{}" && piece.arguments !== "") call.arguments = piece.arguments
    else if (!repeats(call, piece)) call.arguments += piece.arguments
    this.length += lengthOf(call)
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

const read = (delta: ToolCallDelta, chunk: number): Call => ({
  chunk,
  index: typeof delta.index === "string" ? Number(delta.index) : (delta.index ?? null),
  id: String(delta.id ?? ""),
  name: delta.function?.name || delta.name || "",
  arguments: argumentsText(delta.function?.arguments ?? delta.arguments)
})

const isEmpty = (piece: Readonly<Call>): boolean => piece.id === "" && piece.name === "" && piece.arguments === ""

const lengthOf = (call: Readonly<Call>): number => call.id.length + call.name.length + call.arguments.length

/** A second name is a second call, but for a name that is repeated, or is sent again longer while it grows, chunk by chunk. */
const namesSameCall = (call: Readonly<Call>, piece: Readonly<Call>): boolean => {
  if (piece.chunk === call.chunk && piece.id === "" && call.id === "") return false
  if (piece.name !== call.name) return call.arguments === "" && piece.name.startsWith(call.name)
  if (!isWhole(call.arguments) || repeats(call, piece)) return true
  return piece.id !== "" && (piece.arguments === "" || call.arguments === "{}")
}

const repeats = (call: Readonly<Call>, piece: Readonly<Call>): boolean =>
  piece.arguments === call.arguments && isWhole(call.arguments)

const isWhole = (text: string): boolean => text.endsWith("}") && parseJson(text) !== undefined

const argumentsText = (value: unknown): string => {
  if (value === undefined || value === null) return ""
  return typeof value === "string" ? value : JSON.stringify(value)
}
