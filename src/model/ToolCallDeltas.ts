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
  private readonly tools: ReadonlyArray<string>

  /** @param tools the names that calls may have, which tell a second name from the rest of the first. */
  constructor(tools: ReadonlyArray<string>) {
    this.tools = tools
  }

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
    call.name = this.named(call, piece)
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
    return piece.name === "" || call.name === "" || this.namesSame(call, piece) ? call : undefined
  }

  /** A second name is a second call, but for one that is repeated after the arguments began, or that grows before they do. */
  private namesSame(call: Readonly<Call>, piece: Readonly<Call>): boolean {
    if (piece.chunk === call.chunk && piece.id === "" && call.id === "") return false
    if (piece.name !== call.name) return call.arguments === "" && this.grows(call, piece)
    if (!isWhole(call.arguments) || repeats(call, piece)) return true
    return piece.id !== "" && (piece.arguments === "" || call.arguments === "{}")
  }

  /** Whether a name is the same one again, longer, or what comes next of it. Two that are whole are two calls. */
  private grows(call: Readonly<Call>, piece: Readonly<Call>): boolean {
    if (piece.name.startsWith(call.name)) return true
    const areWhole = this.tools.includes(call.name) && this.tools.includes(piece.name)
    return piece.index === call.index && (!areWhole || this.begins(call.name + piece.name))
  }

  private begins(name: string): boolean {
    return this.tools.some((tool) => tool.startsWith(name))
  }

  /** Some servers send a name from its beginning each time, others only what is new of it. */
  private named(call: Readonly<Call>, piece: Readonly<Call>): string {
    const joined = call.name + piece.name
    if (call.name === "" || piece.name === "") return joined
    const isRest = call.arguments === "" && this.begins(joined) && !this.tools.includes(piece.name)
    return piece.name.startsWith(call.name) && !isRest ? piece.name : joined
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

const repeats = (call: Readonly<Call>, piece: Readonly<Call>): boolean =>
  piece.arguments === call.arguments && isWhole(call.arguments)

const isWhole = (text: string): boolean => text.endsWith("}") && parseJson(text) !== undefined

const argumentsText = (value: unknown): string => {
  if (value === undefined || value === null) return ""
  return typeof value === "string" ? value : JSON.stringify(value)
}
