import * as Problems from "./Problems.ts"
import type { Call, Delta, Options, Parsed, Problem, Tool } from "./Types.ts"
import { isProperty } from "./Coerce.ts"
import { type Arguments, toArguments, toValue, unfenced } from "./Values.ts"

/** More calls than these in one turn are a model that repeats itself. */
export const maxCalls = 128

/** Gathers what a turn says, and says of each call whether it may be made. */
export class Turn {
  private content = ""
  /** The last of the content, since it was last asked for. */
  private recent = ""
  private reasoning = ""
  private held = ""
  private leading = false
  private thinking = false
  private attempts = 0
  private muted = false
  private readonly calls: Array<Call> = []
  private readonly problems: Array<Problem> = []
  private readonly tools: ReadonlyMap<string, Tool>
  private deltas: Array<Delta> = []
  /** Whether nothing but space has come since the last call. */
  afterCall = false
  /** Whether nothing but space has come since JSON that was no call. */
  afterJson = false

  /** Space between text and calls is the format's, not the text's. */
  trims = false

  /** The text was cut off: nothing in it is completed by guessing. */
  isTruncated: boolean

  /** What is read stood in reasoning, where much is only said of calls: what names no tool is none. */
  isDoubtful = false

  constructor(options: Options) {
    this.isTruncated = options.truncated === true
    this.tools = new Map(options.tools.map((tool) => [tool.name, tool]))
  }

  get isThinking(): boolean {
    return this.thinking
  }

  /** Whether nothing but space has come so far. */
  get isBlank(): boolean {
    return this.saysNothing && this.reasoning === ""
  }

  /** Whether no answer came and no call. */
  get saysNothing(): boolean {
    return this.content === "" && this.recent === "" && this.attempts === 0
  }

  /** From here on only calls count, not the text around them. */
  mute(): void {
    this.muted = true
  }

  /** Whether so many calls came that no further one is looked at. */
  get isFull(): boolean {
    return this.attempts > maxCalls
  }

  /** The declared tool that a model means by a name. */
  tool(name: string): Tool | undefined {
    const exact = this.tools.get(name) ?? this.tools.get(name.trim())
    return exact ?? this.tools.get(name.trim().replace(/^functions\./, ""))
  }

  /** The one tool that takes these arguments: each of them, and with them all that it needs. */
  toolFor(args: Arguments): Tool | undefined {
    const keys = Object.keys(args)
    const fitting = [...this.tools.values()].filter(({ parameters }) => {
      const required = Array.isArray(parameters.required) ? parameters.required : []
      return keys.every((key) => isProperty(parameters, key)) && required.every((key) => keys.includes(String(key)))
    })
    return keys.length > 0 && fitting.length === 1 ? fitting[0] : undefined
  }

  /** Whether a text may hold the name of a tool: where it holds none, it need not be read. */
  mentions(text: string): boolean {
    if (text.includes("\\")) return true
    for (const name of this.tools.keys()) if (text.includes(name)) return true
    return false
  }

  /** Text that belongs to the answer, or to the reasoning while that is open. Space at the end is held back until more comes. */
  text(text: string): void {
    if (this.muted) return
    const from = this.leading ? text.length - text.trimStart().length : 0
    const end = text.trimEnd().length
    if (end <= from) {
      this.held += text.slice(from)
      return
    }
    this.emit(this.held + text.slice(from, end))
    this.held = text.slice(end)
    this.leading = false
    this.afterCall = false
    this.afterJson = false
  }

  private emit(text: string): void {
    if (text === "") return
    if (this.thinking) this.reasoning += text
    else this.recent += text
    const type = this.thinking ? "reasoning" : "content"
    const last = this.deltas.at(-1)
    if (last?.type === type) this.deltas[this.deltas.length - 1] = { type, text: last.text + text }
    else this.deltas.push({ type, text })
  }

  /** The content since this was last asked for. */
  takeRecent(): string {
    const { recent } = this
    this.content += recent
    this.recent = ""
    return recent
  }

  think(): void {
    this.thinking = true
    this.held = ""
    this.leading = true
  }

  answer(): void {
    if (this.thinking || this.isBlank) this.leading = true
    if (this.thinking) this.held = ""
    this.thinking = false
  }

  /** One message ends and the next of its kind begins. */
  nextMessage(): void {
    this.held = (this.thinking ? this.reasoning : this.content + this.recent) === "" ? "" : "\n"
    this.leading = true
  }

  /** A call begins here: whatever was being reasoned ends. */
  beginCall(): void {
    this.answer()
    if (this.trims) {
      this.held = ""
      this.leading = true
    }
    this.afterCall = true
  }

  call(name: string, args: unknown, id?: string): void {
    const tool = this.admit(name)
    if (tool === undefined) return
    const value = toArguments(args)
    if (value === undefined) return this.problem(Problems.malformed(JSON.stringify(args), tool.name))
    const call: Call =
      id === undefined ? { name: tool.name, arguments: value } : { id, name: tool.name, arguments: value }
    this.calls.push(call)
    this.deltas.push({ type: "call", call })
  }

  /** A call whose arguments stand there as JSON text. */
  callText(name: string, text: string, id?: string): void {
    const value = text.trim() === "" ? { ok: true as const, value: {} } : toValue(unfenced(text))
    if (value.ok) return this.call(name, value.value, id)
    const tool = this.admit(name)
    if (tool !== undefined) this.problem(Problems.malformed(text, tool.name))
  }

  private admit(name: string): Tool | undefined {
    if (!this.counts()) return undefined
    const tool = this.tool(name)
    if (tool === undefined) this.problem(Problems.undeclared(name, [...this.tools.keys()]))
    return tool
  }

  /** Counts one more attempt to call, and refuses it where there were too many. */
  private counts(): boolean {
    this.attempts++
    if (this.attempts === maxCalls + 1) this.problem(Problems.tooMany(maxCalls))
    return this.attempts <= maxCalls
  }

  malformed(text: string, name?: string): void {
    if (this.counts()) this.problem(Problems.malformed(text, name))
  }

  incomplete(text: string, name?: string): void {
    if (this.counts()) this.problem(Problems.incomplete(text, name))
  }

  /** A problem of a call that is not read. */
  refuse(problem: Problem): void {
    if (this.counts()) this.problem(problem)
  }

  private problem(problem: Problem): void {
    if (this.isDoubtful && !Problems.isOfCall(problem, (name) => this.tool(name) !== undefined)) return
    this.problems.push(problem)
    this.deltas.push({ type: "problem", problem })
  }

  drain(): ReadonlyArray<Delta> {
    const { deltas } = this
    this.deltas = []
    return deltas
  }

  finish(): Parsed {
    if (!this.thinking) this.emit(this.held)
    this.held = ""
    this.takeRecent()
    const { calls, content, problems } = this
    return { content, reasoning: this.reasoning === "" ? null : this.reasoning, calls, problems }
  }
}
