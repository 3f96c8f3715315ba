import type { Schema } from "effect"
import { type Dialect, type Options, parse } from "../../src/model/ToolCallText.ts"
import { tool } from "./texts.ts"

const properties: { readonly [name: string]: Schema.Json } = {
  city: { type: "string" },
  days: { type: "integer" },
  metric: { type: "boolean" },
  tags: { type: "array", items: { type: "string" } },
  place: { type: "object", properties: { name: { type: "string" }, zip: { type: "integer" } } }
}

export const tools = ["weather", "time"].map((name) => tool(name, properties))

/** What a text means, in short: its calls as name and arguments, and the types of its problems where there are any. */
export const read = (dialect: Dialect | "auto", text: string, options: Partial<Options> = {}) => {
  const { calls, content, problems, reasoning } = parse(text, { dialect, tools, ...options })
  return {
    ...(content === "" ? {} : { content }),
    ...(reasoning === null ? {} : { reasoning }),
    ...(calls.length === 0 ? {} : { calls: calls.map((call) => [call.name, call.arguments] as const) }),
    ...(problems.length === 0 ? {} : { problems: problems.map((problem) => problem.type) })
  }
}

export const oslo: NonNullable<ReturnType<typeof read>["calls"]> = [["weather", { city: "Oslo" }]]
