import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Dialect, Tool } from "../../src/model/ToolCallText.ts"

/** One text of a model and what it means, as another engine's test suite has it. */
export interface Case {
  readonly id: string
  readonly format: string
  readonly kind: "complete" | "stream" | "segments" | "events" | "header"
  readonly input: string
  readonly tools?: ReadonlyArray<Tool>
  readonly prompt_tail?: string
  readonly starts_in_thinking?: boolean
  readonly reasoning_extracted?: boolean
  readonly expected: Expected
}

export interface Expected {
  readonly content?: string | null
  readonly calls?: ReadonlyArray<ExpectedCall>
  readonly events?: ReadonlyArray<HarmonyEvent>
  readonly role?: string
  readonly channel?: string
  readonly recipient?: string
}

export interface ExpectedCall {
  readonly id?: string
  readonly name: string
  readonly arguments: unknown
  /** Arguments that are not JSON; we report such a call as a problem. */
  readonly arguments_text?: string
}

export interface HarmonyEvent {
  readonly type: string
  readonly content?: string
  readonly header?: { readonly Role: string; readonly Channel: string; readonly Recipient: string }
}

/** The families that must be right in full. */
export const families: ReadonlyArray<Dialect> = [
  "glm",
  "qwen-coder",
  "hermes",
  "kimi",
  "deepseek",
  "mistral",
  "gpt-oss",
  "llama",
  "granite",
  "minimax",
  "gemma",
  "pythonic"
]

/** The folder with the cases, given or beside the checkout; undefined where there is none. */
export const folder = (): string | undefined => {
  const path = process.env.OWNLOOP_TOOLCALLS ?? "../shared/toolcalls/"
  return existsSync(join(path, "glm.json")) ? path : undefined
}

/** The data's own README says of what shape each file is. */
export const read = (path: string, file: string): unknown => JSON.parse(readFileSync(join(path, file), "utf8"))

export const readCases = (path: string, family: string): ReadonlyArray<Case> =>
  read(path, `${family}.json`) as ReadonlyArray<Case> // see read

/** Some of the other formats are one of ours under another name. */
export const dialectOf = (family: Dialect, format: string): Dialect => {
  if (family !== "other") return family
  if (/Seed|Step/.test(format)) return "qwen-coder"
  if (/inclusionai|Spark|Poolside/.test(format)) return "glm"
  return "other"
}

/**
 * The suites mostly call tools that they never declare, which we would refuse: whatever a case expects to be called is declared to us,
 * without a schema.
 */
export const toolsOf = ({ expected, tools = [] }: Case): ReadonlyArray<Tool> => {
  const names = new Set(tools.map((tool) => tool.name))
  const missing = new Set((expected.calls ?? []).map((call) => call.name).filter((name) => !names.has(name)))
  return [...tools, ...Array.from(missing, (name) => ({ name, parameters: { type: "object" as const } }))]
}
