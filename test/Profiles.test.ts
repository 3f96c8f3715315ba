import { assert, describe, it } from "@effect/vitest"
import {
  asking,
  dialectOf,
  habitsOf,
  levelsOf,
  listCost,
  profileOf,
  profiles,
  thinkingOf
} from "../src/model/Profiles.ts"

const million = {
  input_tokens: 1_000_000,
  output_tokens: 1_000_000,
  cache_read_input_tokens: 1_000_000,
  cache_creation_input_tokens: 0
}

describe("list cost", () => {
  const cases: ReadonlyArray<[string, Partial<typeof million>, number | undefined]> = [
    ["@cf/zai-org/glm-5.2", {}, 1.4 + 4.4 + 0.26],
    ["@cf/zai-org/glm-5.2", { input_tokens: 0, output_tokens: 0 }, 0.26],
    // No cached price is known: such a token costs what an input token does.
    ["@cf/zai-org/glm-4.7-flash", { output_tokens: 0 }, 2 * 0.0605],
    ["@cf/zai-org/glm-4.7-flash", { input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 500 }, 0.0002],
    ["@cf/zai-org/glm-4.7-flash", { ...zero(), cache_creation_input_tokens: 2_000_000 }, 0.121],
    ["demo", {}, 0],
    ["local/qwen3:30b", {}, undefined],
    ["toString", {}, undefined]
  ]
  it.each(cases)("%s %o: %d", (model, usage, cost) => {
    const actual = listCost(model, { ...million, ...usage })
    if (cost === undefined) assert.isUndefined(actual)
    else assert.closeTo(actual!, cost, 1e-12)
  })
})

it("a model that nothing is known of has a window to work with", () => {
  assert.deepStrictEqual(profileOf("local/some-model"), { contextWindow: 131_072, price: null, plan: null })
  assert.strictEqual(profileOf("@cf/meta/llama-3.3-70b-instruct-fp8-fast").contextWindow, 24_000)
})

function zero() {
  return { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0 }
}

it.each([
  ["@cf/zai-org/glm-4.7-flash", "glm"],
  ["@cf/qwen/qwen3-30b-a3b-fp8", "hermes"],
  ["@cf/qwen/qwen3.8-27b", "qwen-coder"],
  ["local/Qwen3-Coder-30B", "qwen-coder"],
  ["@cf/nvidia/nemotron-3-120b-a12b", "qwen-coder"],
  ["@cf/openai/gpt-oss-20b", "gpt-oss"],
  ["@cf/meta/llama-4-scout-17b-16e-instruct", "llama"],
  ["local/deepseek-r1-distill-llama-8b", "deepseek"],
  ["local/mine", "auto"]
])("%s writes its tool calls as %s", (model, dialect) => {
  assert.strictEqual(dialectOf(model), dialect)
})

it("a model is asked in the way of its family, whatever provider serves it", () => {
  const old = ["no_stream_options", "stops_after_256_tokens"] as const
  assert.deepStrictEqual(habitsOf("@cf/qwen/qwen3-30b-a3b-fp8").quirks, [...old])
  assert.deepStrictEqual(habitsOf("gateway/workers-ai/@cf/meta/llama-4-scout-17b-16e-instruct").quirks, [...old])
  assert.deepStrictEqual(habitsOf("@cf/zai-org/glm-5.2"), {
    reasoningField: "reasoning",
    toolChoice: "auto",
    quirks: []
  })
  assert.deepStrictEqual(habitsOf("local/glm-5.2"), {
    reasoningField: "reasoning_content",
    toolChoice: null,
    quirks: []
  })
})

it.each([
  ["@cf/zai-org/glm-5.2", "none", { reasoning_effort: "none" }],
  ["@cf/zai-org/glm-5.3-flash", "max", { reasoning_effort: "max" }],
  ["@cf/zai-org/glm-5.3-flash", "none", {}],
  ["@cf/zai-org/glm-4.7-flash", "none", { chat_template_kwargs: { enable_thinking: false } }],
  ["@cf/moonshotai/kimi-k2.6", "high", { reasoning_effort: "high" }],
  ["@cf/moonshotai/kimi-k2.7-code", "high", {}],
  ["@cf/deepseek-ai/deepseek-v4-pro-0813", "low", { reasoning_effort: "low" }],
  ["@cf/qwen/qwen3.8-27b", "xhigh", { reasoning_effort: "xhigh" }],
  ["@cf/qwen/qwen3.8-27b", "none", { chat_template_kwargs: { enable_thinking: false } }],
  ["local/gpt-oss:20b", "medium", { reasoning_effort: "medium" }],
  ["local/mine", "high", {}]
] as const)("%s is asked for the effort %s in its own way", (model, effort, fields) => {
  assert.deepStrictEqual(asking({ model, effort }), fields)
  assert.deepStrictEqual(asking({ model }), {})
})

it("the level at which a model thinks by itself is one that it knows", () => {
  assert.strictEqual(thinkingOf("@cf/openai/gpt-oss-20b")?.usual, "medium")
  assert.isNull(thinkingOf("local/mine"))
  for (const model of Object.keys(profiles)) {
    const thinking = thinkingOf(model)
    if (thinking !== null) assert.include(["on", ...levelsOf(model)], thinking.usual, model)
  }
})
