import type { JsonSchema } from "../../domain/JsonSchema.ts"

/** A family of models that write their tool calls alike. */
export type Dialect =
  | "glm"
  | "qwen-coder"
  | "hermes"
  | "kimi"
  | "deepseek"
  | "mistral"
  | "gpt-oss"
  | "llama"
  | "granite"
  | "minimax"
  | "gemma"
  | "pythonic"
  | "other"

export interface Tool {
  readonly name: string
  readonly parameters: JsonSchema
}

export interface Options {
  /** `auto` takes the family of the first marker that comes. */
  readonly dialect: Dialect | "auto"
  /** Only these may be called. */
  readonly tools: ReadonlyArray<Tool>
  /** Whether the prompt left a thinking block open. Where nobody knows, a lone closing tag at the start is dropped. */
  readonly startsInThinking?: boolean | undefined
  /** The text was cut off by a limit or a lost connection: nothing in it is completed by guessing. */
  readonly truncated?: boolean | undefined
}

export interface Call {
  /** The id the model itself gave, where its family writes one. */
  readonly id?: string
  readonly name: string
  readonly arguments: { readonly [name: string]: unknown }
}

/** A call that was not made, and what the model should be told of it. */
export type Problem =
  | { readonly type: "undeclared_tool"; readonly name: string; readonly message: string }
  | { readonly type: "malformed_call"; readonly name?: string; readonly text: string; readonly message: string }
  | { readonly type: "incomplete_call"; readonly name?: string; readonly text: string; readonly message: string }
  | { readonly type: "too_many_calls"; readonly limit: number; readonly message: string }

export interface Parsed {
  readonly content: string
  readonly reasoning: string | null
  readonly calls: ReadonlyArray<Call>
  readonly problems: ReadonlyArray<Problem>
}

export type Delta =
  | { readonly type: "content"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  | { readonly type: "call"; readonly call: Call }
  | { readonly type: "problem"; readonly problem: Problem }
