import type { ModelPart, ModelRequest } from "../ModelClient.ts"
import { dialectOf } from "./Profiles.ts"
import * as ToolCallText from "./ToolCallText.ts"

type ToolCall = Extract<ModelPart, { readonly type: "tool_call" }>

/** What a model is answered that tried to call something without a name. */
const nameless = "unreadable_tool_call"

/** A call that cannot be made goes on as the model wrote it: it is answered with what was wrong. */
const attempted = (problem: ToolCallText.Problem): ReadonlyArray<ToolCall> => {
  switch (problem.type) {
    case "undeclared_tool":
      return [{ type: "tool_call", name: problem.name, arguments: "" }]
    case "malformed_call":
    case "incomplete_call":
      return [{ type: "tool_call", name: problem.name ?? nameless, arguments: problem.text }]
    case "too_many_calls":
      return []
  }
}

/** Finds the tool calls and the reasoning that a server left in the text of an answer, as it comes. */
export class SpokenCalls {
  private content = 0
  private reasoning = 0
  private readonly parser: ToolCallText.Parser

  constructor({ model, tools }: Pick<ModelRequest, "model" | "tools">) {
    this.parser = ToolCallText.make({ dialect: dialectOf(model), tools })
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
    const made = calls.map(({ name, arguments: input }): ToolCall => ({
      type: "tool_call",
      name,
      arguments: JSON.stringify(input)
    }))
    return [...rest, ...made, ...problems.flatMap(attempted)]
  }
}
