import { assert, describe, it } from "@effect/vitest"
import { make, maxCalls, parse } from "../src/model/ToolCallText.ts"
import { oslo, read, tools } from "./dialects/read.ts"

const call = (name: string, args: unknown = { city: "Oslo" }) =>
  `<tool_call>${JSON.stringify({ name, arguments: args })}</tool_call>`

describe("a call", () => {
  it("of a tool that is not declared is a problem, which names the tools that are", () => {
    const { calls, problems } = parse(call("rm"), { dialect: "hermes", tools })
    assert.deepStrictEqual(calls, [])
    assert.deepStrictEqual(problems, [
      {
        type: "undeclared_tool",
        name: "rm",
        message: 'There is no tool named "rm", so it was not called. The declared tools are "weather", "time".'
      }
    ])
  })

  it("that cannot be read is a problem, which shows what came", () => {
    const [problem] = parse(call("weather", [1]), { dialect: "hermes", tools }).problems
    assert.include(problem, { type: "malformed_call", name: "weather", text: "[1]" })
  })

  it("beyond the limit is dropped, and the model is told once", () => {
    const { calls, problems } = parse(call("time", {}).repeat(maxCalls + 50), { dialect: "hermes", tools })
    assert.strictEqual(calls.length, maxCalls)
    assert.deepStrictEqual(
      problems.map((problem) => problem.type),
      ["too_many_calls"]
    )
  })

  it("counts towards the limit when it is refused, so that problems do not grow either", () => {
    const { problems } = parse(call("rm").repeat(10_000), { dialect: "hermes", tools })
    assert.strictEqual(problems.length, maxCalls + 1)
  })

  it("is shown to the model in part where it is long", () => {
    const text = `<tool_call>{"name": "weather", "arguments": {"city": ${"x ".repeat(10_000)}}}</tool_call>`
    for (const problem of parse(text, { dialect: "hermes", tools }).problems) {
      assert.isBelow(problem.message.length, 1_000)
    }
  })

  it("is named as the tool is, although the model put a namespace before it", () => {
    assert.deepStrictEqual(read("hermes", call("functions.weather")), { calls: oslo })
  })

  it("cannot reach the prototype of its arguments", () => {
    const [made] = parse('[TOOL_CALLS]time[ARGS]{"__proto__": {"a": 1}}', { dialect: "mistral", tools }).calls
    assert.isFalse("a" in made!.arguments)
    assert.deepStrictEqual(Object.keys(made!.arguments), ["__proto__"])
  })
})

describe("reasoning", () => {
  it("is what stands in the thinking block, wherever that was opened", () => {
    const expected = { reasoning: "Hm.", content: "Yes." }
    assert.deepStrictEqual(read("glm", "<think>\nHm.\n</think>\n\nYes."), expected)
    assert.deepStrictEqual(read("glm", "Hm.\n</think>\n\nYes.", { startsInThinking: true }), expected)
    assert.deepStrictEqual(read("glm", "<think>Hm.</think>Yes.", { startsInThinking: true }), expected)
  })

  it("ends where a call begins, if nothing else ends it", () => {
    assert.deepStrictEqual(read("glm", `<think>Hm.${call("weather")}`), { reasoning: "Hm.", calls: oslo })
    assert.deepStrictEqual(read("qwen-coder", call("weather"), { startsInThinking: true }), { calls: oslo })
  })

  it("may consider a call that is not made", () => {
    const text = `<think>Maybe ${call("time")}?</think>Better: ${call("weather")}`
    assert.deepStrictEqual(read("hermes", text), {
      reasoning: `Maybe ${call("time")}?`,
      content: "Better:",
      calls: oslo
    })
  })

  it("holds the call that was meant where nothing comes after it", () => {
    const text = `<think>I call ${call("weather")}</think>`
    assert.deepStrictEqual(read("hermes", text).calls, oslo)
  })

  it("that was cut off calls nothing", () => {
    assert.isUndefined(read("hermes", `<think>Maybe ${call("weather")}`, { truncated: true }).calls)
  })

  it("that was cut off within a call says so", () => {
    const text = `<think>Maybe ${call("weather").slice(0, 40)}`
    for (const truncated of [true, false]) {
      assert.deepStrictEqual(read("hermes", text, { truncated }).problems, ["incomplete_call"], String(truncated))
    }
    assert.isUndefined(read("hermes", `<think>${call("weather")}</think>`, { truncated: true }).calls)
  })

  it("tells of a call that is broken and undeclared", () => {
    const text = '<think>So <tool_call>{"name": "rm", "arguments": {"path": '
    assert.deepStrictEqual(read("hermes", text), { reasoning: "So", problems: ["incomplete_call"] })
    const nameless = '<think>So <tool_call>{"nam": "rm", "arguments": {"path": 1}}</tool_call>'
    assert.deepStrictEqual(read("hermes", nameless), { reasoning: "So", problems: ["malformed_call"] })
  })

  it("that only speaks of calls calls nothing, and nothing is wrong with it", () => {
    for (const [dialect, text] of [
      ["hermes", "It begins with <tool_call> and then JSON."],
      ["hermes", "It is <tool_call>not json</tool_call> or <tool_call>...</tool_call>."],
      ["mistral", "First [TOOL_CALLS] and then the name."],
      ["kimi", "I need <|tool_call_begin|> and <|tool_call_end|>."],
      ["deepseek", "So <｜tool▁call▁begin｜> comes first."],
      ["minimax", "An <invoke name=...> is needed."],
      ["gemma", "Then <|tool_call>, and so on."],
      ["auto", "Some write <function_call>, others [TOOL_CALLS]."]
    ] as const) {
      assert.deepStrictEqual(read(dialect, text, { startsInThinking: true }), { reasoning: text }, text)
    }
  })

  it("is only a word in the middle of an answer", () => {
    for (const text of ["The tag <think> opens it.", "a</think>b"]) {
      assert.deepStrictEqual(read("hermes", text), { content: text })
    }
  })

  it("loses a closing tag that a template left at the beginning", () => {
    assert.deepStrictEqual(read("glm", "</think>\nYes."), { content: "Yes." })
    assert.deepStrictEqual(read("glm", "</think>\nYes.", { startsInThinking: false }), { content: "</think>\nYes." })
  })
})

describe("auto", () => {
  it("takes the family of the first marker, and reads no other's after it", () => {
    const text = `${call("weather")} and [TOOL_CALLS]time[ARGS]{}`
    assert.deepStrictEqual(read("auto", text), { content: "and [TOOL_CALLS]time[ARGS]{}", calls: oslo })
    assert.deepStrictEqual(read("auto", '[TOOL_CALLS]weather[ARGS]{"city": "Oslo"}'), { calls: oslo })
  })
})

describe("a stream", () => {
  it("shows text as soon as it cannot become a marker", () => {
    const parser = make({ dialect: "hermes", tools })
    assert.deepStrictEqual(parser.push("Hello, wor"), [{ type: "content", text: "Hello, wor" }])
    assert.deepStrictEqual(parser.push("ld<"), [{ type: "content", text: "ld" }])
    assert.deepStrictEqual(parser.push("tool_c"), [])
    assert.deepStrictEqual(parser.push("ode>"), [{ type: "content", text: "<tool_code>" }])
    assert.strictEqual(parser.end().content, "Hello, world<tool_code>")
  })

  it("shows a call as soon as it is whole", () => {
    const parser = make({ dialect: "hermes", tools })
    assert.deepStrictEqual(parser.push(call("weather").slice(0, -1)), [])
    const [delta] = parser.push(">")
    assert.deepStrictEqual(delta, { type: "call", call: { name: "weather", arguments: { city: "Oslo" } } })
  })
})
