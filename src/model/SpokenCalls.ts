import type { ModelPart, ModelRequest } from "../ModelClient.ts"
import { dialectOf } from "./Profiles.ts"
import * as ToolCallText from "./ToolCallText.ts"

type ToolCall = Extract<ModelPart, { readonly type: "tool_call" }>

/** Stands for the name of a call that cannot be read so far. */
const nameless = "unreadable_tool_call"

const made = ({ name, arguments: input }: ToolCallText.Call): ToolCall => ({
  type: "tool_call",
  name,
  arguments: JSON.stringify(input)
})

/** A call that cannot be made goes on as one that is answered with what was wrong: what it says of its input is never run. */
const attempted = (problem: ToolCallText.Problem): ToolCall => ({
  type: "tool_call",
  name: ("name" in problem ? problem.name : undefined) ?? nameless,
  arguments: "",
  problem: problem.message
})

/** Finds the tool calls and the reasoning that a server left in the text of an answer, as it comes. */
export class SpokenCalls {
  private content = 0
  private reasoning = 0
  /** What the server itself told apart as reasoning. */
  private thoughts = ""
  private readonly options: ToolCallText.Options
  private readonly parser: ToolCallText.Parser

  constructor({ model, tools }: Pick<ModelRequest, "model" | "tools">) {
    this.options = { dialect: dialectOf(model), tools }
    this.parser = ToolCallText.make(this.options)
  }

  think(text: string): void {
    this.thoughts += text
  }

  /** What a piece of text makes certain. */
  push(text: string): ReadonlyArray<ModelPart> {
    const parts: Array<ModelPart> = []
    for (const delta of this.parser.push(text)) {
      if (delta.type === "content") {
        this.content += delta.text.length
        parts.push({ type: "text", text: delta.text })
      } else if (delta.type === "reasoning") {
        this.reasoning += delta.text.length
        parts.push({ type: "reasoning", text: delta.text })
      }
    }
    return parts
  }

  /** What is left when the answer is over. Calls of the text count only where the server itself reported none. */
  end(truncated: boolean, isReported: boolean): ReadonlyArray<ModelPart> {
    const { calls, content, problems, reasoning } = this.parser.end(truncated)
    const rest = [
      { type: "reasoning" as const, text: (reasoning ?? "").slice(this.reasoning) },
      { type: "text" as const, text: content.slice(this.content) }
    ].filter(({ text }) => text !== "")
    if (isReported) return rest
    const saysNothing = content.trim() === "" && calls.length + problems.length === 0
    return [...rest, ...calls.map(made), ...problems.map(attempted), ...(saysNothing ? this.thought(truncated) : [])]
  }

  /** A model that forgets to end its reasoning calls within it. Where an answer is nothing else, those calls were meant. */
  private thought(truncated: boolean): ReadonlyArray<ToolCall> {
    if (this.thoughts === "") return []
    const { calls, problems } = ToolCallText.parse(this.thoughts, {
      ...this.options,
      startsInThinking: true,
      truncated
    })
    return [...calls.map(made), ...problems.map(attempted)]
  }
}
