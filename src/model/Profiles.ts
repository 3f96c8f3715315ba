import type * as Schema from "effect/Schema"
import type { EffortLevel } from "../domain/Agent.ts"
import type { ModelUsage } from "../domain/Event.ts"
import type { Dialect } from "./ToolCallText.ts"

/** What is known of a model. */
export interface Profile {
  /** Tokens that the prompt and the answer may have together. */
  readonly contextWindow: number
  /** List price in USD per million tokens; null where it is not known. */
  readonly price: { readonly input: number; readonly output: number; readonly cachedInput: number } | null
  /** Whether it needs Workers Paid; null where that is not known, or not a question. */
  readonly plan: "free" | "paid" | null
}

/** Fields of a request. */
type Asking = { readonly [field: string]: Schema.Json }

/** How a model thinks before it answers. */
export interface Thinking {
  /** The levels that it knows, most first, and how a request asks for each. */
  readonly levels: ReadonlyMap<EffortLevel, Asking>
  /** The level that it has where none is asked for; `on` where that has no name. */
  readonly usual: EffortLevel | "on"
}

/** How requests to a model are written. */
export interface Habits {
  /** The field in which its earlier reasoning is sent back. */
  readonly reasoningField: "reasoning" | "reasoning_content"
  /** What is said of tools; null where nothing has to be. Where Workers AI is told nothing, mistral-small never calls one. */
  readonly toolChoice: "auto" | null
  /**
   * `no_stream_options`: it refuses the option that asks for token counts, and counts anyway. `stops_after_256_tokens`: unless it is told how
   * many it may write.
   */
  readonly quirks: ReadonlyArray<"no_stream_options" | "stops_after_256_tokens">
}

/** Without a price of its own, a cached token costs what any other token of the prompt does. */
const usd = (input: number, output: number, cachedInput = input): Profile["price"] => ({ input, output, cachedInput })

/**
 * Read on 2026-09-28 from https://developers.cloudflare.com/workers-ai/platform/pricing/ and the model pages below
 * https://developers.cloudflare.com/workers-ai/models/. Where these and https://models.dev differ about a window, the smaller one stands
 * here: to compact a little early costs less than a request that does not fit. Free are those that the model pages do not mark as paid.
 */
export const profiles: { readonly [model: string]: Profile } = {
  "@cf/deepseek-ai/deepseek-v4-flash-0731": { contextWindow: 1_048_576, price: usd(0.44, 1.32, 0.014), plan: "paid" },
  "@cf/deepseek-ai/deepseek-v4-pro-0813": { contextWindow: 1_048_576, price: usd(1.32, 3.96, 0.044), plan: null },
  "@cf/google/gemma-4-26b-a4b-it": { contextWindow: 256_000, price: usd(0.1, 0.3), plan: "free" },
  "@cf/ibm-granite/granite-4.0-h-micro": { contextWindow: 131_000, price: usd(0.017, 0.112), plan: "free" },
  "@cf/meta/llama-3.3-70b-instruct-fp8-fast": { contextWindow: 24_000, price: usd(0.293, 2.253), plan: "free" },
  "@cf/meta/llama-4-scout-17b-16e-instruct": { contextWindow: 131_000, price: usd(0.27, 0.85), plan: "free" },
  "@cf/mistralai/mistral-small-3.1-24b-instruct": { contextWindow: 128_000, price: usd(0.351, 0.555), plan: "free" },
  "@cf/moonshotai/kimi-k2.6": { contextWindow: 262_144, price: usd(0.95, 4, 0.16), plan: "paid" },
  "@cf/moonshotai/kimi-k2.7-code": { contextWindow: 262_144, price: usd(0.95, 4, 0.19), plan: "paid" },
  "@cf/nvidia/nemotron-3-120b-a12b": { contextWindow: 256_000, price: usd(0.5, 1.5), plan: "free" },
  "@cf/openai/gpt-oss-120b": { contextWindow: 128_000, price: usd(0.35, 0.75), plan: "free" },
  "@cf/openai/gpt-oss-20b": { contextWindow: 128_000, price: usd(0.2, 0.3), plan: "free" },
  "@cf/qwen/qwen3-30b-a3b-fp8": { contextWindow: 32_768, price: usd(0.051, 0.335), plan: "free" },
  "@cf/qwen/qwen3.8-27b": { contextWindow: 262_144, price: usd(0.45, 3.2, 0.05), plan: null },
  "@cf/zai-org/glm-4.7-flash": { contextWindow: 131_072, price: usd(0.0605, 0.4), plan: "free" },
  "@cf/zai-org/glm-5.2": { contextWindow: 256_000, price: usd(1.4, 4.4, 0.26), plan: "paid" },
  "@cf/zai-org/glm-5.3": { contextWindow: 1_048_576, price: usd(1.4, 4.4, 0.26), plan: "paid" },
  "@cf/zai-org/glm-5.3-flash": { contextWindow: 1_048_576, price: usd(0.15, 0.5, 0.03), plan: "paid" },
  demo: { contextWindow: 131_072, price: usd(0, 0), plan: null }
}

/**
 * Most open models that call tools hold this much. A server that holds less refuses what does not fit, and the session compacts then; a
 * smaller guess would throw conversation away where there was room for it.
 */
export const usualWindow = 131_072

const unknown: Profile = { contextWindow: usualWindow, price: null, plan: null }

/** The smallest context window of these models; `unknown` is that of a model that nothing is known of. */
export const smallestWindow = (models: ReadonlyArray<string>, unknown: number): number =>
  Math.min(...models.map((model) => (Object.hasOwn(profiles, model) ? profiles[model]!.contextWindow : unknown)))

export const profileOf = (model: string): Profile => (Object.hasOwn(profiles, model) ? profiles[model]! : unknown)

/** What these tokens cost at list price, in USD. */
export const listCost = (model: string, usage: ModelUsage): number | undefined => {
  const { price } = profileOf(model)
  if (price === null) return undefined
  const input = usage.input_tokens + usage.cache_creation_input_tokens
  const { output_tokens, cache_read_input_tokens } = usage
  return (input * price.input + output_tokens * price.output + cache_read_input_tokens * price.cachedInput) / 1_000_000
}

/** Families by a part of the model's name: whoever serves it, it writes its tool calls alike. The first that fits counts. */
const families: ReadonlyArray<readonly [name: RegExp, dialect: Dialect]> = [
  [/glm/, "glm"],
  [/qwen.*coder|qwen-?3\.[5-9]|nemotron-?3|seed-oss|step-?3/, "qwen-coder"],
  [/qwen|hermes/, "hermes"],
  [/kimi/, "kimi"],
  [/deepseek/, "deepseek"],
  [/mistral|mixtral|ministral|magistral|devstral/, "mistral"],
  [/gpt-oss/, "gpt-oss"],
  [/granite/, "granite"],
  [/minimax/, "minimax"],
  [/gemma/, "gemma"],
  [/llama/, "llama"]
]

const efforts = (...levels: ReadonlyArray<EffortLevel>): ReadonlyArray<readonly [EffortLevel, Asking]> =>
  levels.map((level) => [level, { reasoning_effort: level }])

/** Where it is the chat template that knows whether the model thinks. */
const off: readonly [EffortLevel, Asking] = ["none", { chat_template_kwargs: { enable_thinking: false } }]

/** By a part of the model's name, as the types of Workers AI have it. */
const thinking: ReadonlyArray<readonly [name: RegExp, thinking: Thinking]> = [
  [/glm-5\.2/, { levels: new Map(efforts("max", "high", "none")), usual: "max" }],
  [/glm-5\.3/, { levels: new Map(efforts("max", "high", "low")), usual: "max" }],
  [/glm-4\.7/, { levels: new Map([off]), usual: "on" }],
  [/kimi-k2\.6/, { levels: new Map(efforts("high", "none")), usual: "high" }],
  [/kimi-k2\.7/, { levels: new Map(), usual: "on" }],
  [/deepseek-v4/, { levels: new Map(efforts("max", "high", "low", "none")), usual: "high" }],
  [/qwen3\.8/, { levels: new Map([...efforts("xhigh", "medium", "low"), off]), usual: "xhigh" }],
  [/gpt-oss/, { levels: new Map(efforts("high", "medium", "low")), usual: "medium" }]
]

/** Null where it is not known, or it does not think. */
export const thinkingOf = (model: string): Thinking | null =>
  thinking.find(([name]) => name.test(model.toLowerCase()))?.[1] ?? null

/** The levels that may be asked of a model, most first. */
export const levelsOf = (model: string): ReadonlyArray<EffortLevel> => [...(thinkingOf(model)?.levels.keys() ?? [])]

/** What a request says to ask for a level; nothing where none is asked for, or the model does not know it. */
export const asking = ({ effort, model }: { readonly model: string; readonly effort?: EffortLevel }): Asking =>
  (effort === undefined ? undefined : thinkingOf(model)?.levels.get(effort)) ?? {}

/** By a part of the model's id, whatever provider it is asked through. The first that fits counts. */
const habits: ReadonlyArray<readonly [id: RegExp, habits: Habits]> = [
  [
    /@cf\/(meta|mistral|mistralai|ibm-granite)\/|@cf\/qwen\/(qwen2|qwq|qwen3-30b)/,
    { reasoningField: "reasoning", toolChoice: "auto", quirks: ["no_stream_options", "stops_after_256_tokens"] }
  ],
  [/@cf\//, { reasoningField: "reasoning", toolChoice: "auto", quirks: [] }]
]

const usualHabits: Habits = { reasoningField: "reasoning_content", toolChoice: null, quirks: [] }

export const habitsOf = (model: string): Habits => habits.find(([id]) => id.test(model))?.[1] ?? usualHabits

/** How a model writes tool calls where its server leaves them in the text. Of a model of no known family the text itself says. */
export const dialectOf = (model: string): Dialect | "auto" =>
  families.find(([name]) => name.test(model.toLowerCase()))?.[1] ?? "auto"
