import { assert, describe, it } from "@effect/vitest"
import { oslo, read } from "./read.ts"
import { tool } from "./texts.ts"

describe("glm", () => {
  it("reads values by the types of the tool", () => {
    const text =
      'Let me see.\n<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>12</arg_value>\n<arg_key>days</arg_key>\n<arg_value>12</arg_value>\n<arg_key>metric</arg_key>\n<arg_value>true</arg_value>\n<arg_key>tags</arg_key>\n<arg_value>["a"]</arg_value>\n</tool_call>'
    assert.deepStrictEqual(read("glm", text), {
      content: "Let me see.",
      calls: [["weather", { city: "12", days: 12, metric: true, tags: ["a"] }]]
    })
  })

  it("reads calls without line breaks, without arguments, and several", () => {
    const text =
      "<tool_call>time</tool_call><tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</arg_value></tool_call>"
    assert.deepStrictEqual(read("glm", text), { calls: [["time", {}], ...oslo] })
  })

  it("reads arguments of which tags are missing", () => {
    for (const body of [
      "<arg_key>city</arg_key><arg_value>Oslo",
      "<arg_key>city</arg_key>Oslo</arg_value>",
      "<arg_key>city<arg_value>Oslo</arg_value>",
      " city</arg_key>Oslo</arg_value>"
    ]) {
      assert.deepStrictEqual(read("glm", `<tool_call>weather${body}</tool_call>`), { calls: oslo }, body)
    }
  })

  it("makes a call whose closing tag was cut off, but not one whose argument was", () => {
    const whole = "<tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</arg_value>"
    assert.deepStrictEqual(read("glm", `${whole}</tool_`), { calls: oslo })
    assert.deepStrictEqual(read("glm", whole), { problems: ["incomplete_call"] })
    assert.deepStrictEqual(read("glm", `${whole}</tool_`, { truncated: true }), { problems: ["incomplete_call"] })
  })

  it("keeps a closing tag that stands in a value", () => {
    const text = "<tool_call>weather<arg_key>city</arg_key><arg_value>a</tool_call>b</arg_value></tool_call>done"
    assert.deepStrictEqual(read("glm", text), { content: "done", calls: [["weather", { city: "a</tool_call>b" }]] })
  })

  it("ends a value that nothing closes where the call is closed", () => {
    const text = `<tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</tool_call> and <tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</arg_value></tool_call>`
    assert.deepStrictEqual(read("glm", text), { content: "and", calls: [...oslo, ...oslo] })
  })
})

describe("qwen-coder", () => {
  it("drops one line break on each side of a value", () => {
    const text =
      "<tool_call>\n<function=weather>\n<parameter=city>\n\nOslo\n\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>"
    assert.deepStrictEqual(read("qwen-coder", text), { calls: [["weather", { city: "\nOslo\n", days: 3 }]] })
  })

  it("reads a function whose wrapping tag is missing", () => {
    const text = "Looking.\n<function=weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>"
    assert.deepStrictEqual(read("qwen-coder", text), { content: "Looking.", calls: oslo })
  })

  it("ends a value without a closing tag at the next parameter of the tool only", () => {
    const call = (inner: string) => `<tool_call><function=weather><parameter=city>${inner}</function></tool_call>`
    assert.deepStrictEqual(read("qwen-coder", call("\nOslo\n<parameter=days>\n3\n</parameter>\n")), {
      calls: [["weather", { city: "Oslo", days: 3 }]]
    })
    assert.deepStrictEqual(read("qwen-coder", call("a<parameter=b>c</parameter>")), {
      calls: [["weather", { city: "a<parameter=b>c" }]]
    })
  })

  it("reads an object in the notation of Python", () => {
    const text =
      "<tool_call><function=weather><parameter=place>{'name': 'Oslo', 'zip': 1}</parameter></function></tool_call>"
    assert.deepStrictEqual(read("qwen-coder", text), { calls: [["weather", { place: { name: "Oslo", zip: 1 } }]] })
  })

  it("makes a call whose end is missing where nothing more could come", () => {
    const text = "<tool_call><function=now>"
    assert.deepStrictEqual(read("qwen-coder", text, { tools: [tool("now")] }), { calls: [["now", {}]] })
    assert.deepStrictEqual(read("qwen-coder", text, { tools: [tool("now", { zone: {} })] }), {
      problems: ["incomplete_call"]
    })
    assert.deepStrictEqual(read("qwen-coder", text, { tools: [tool("now")], truncated: true }), {
      problems: ["incomplete_call"]
    })
  })

  it("takes the text null for nothing where the tool does not say what it takes", () => {
    const text = "<tool_call><function=any><parameter=a>null</parameter></function></tool_call>"
    const any = { name: "any", parameters: { type: "object" as const } }
    assert.deepStrictEqual(read("qwen-coder", text, { tools: [any] }), { calls: [["any", { a: "" }]] })
    assert.deepStrictEqual(read("qwen-coder", text, { tools: [tool("any", { b: {} })] }), {
      calls: [["any", { a: null }]]
    })
  })

  it("does not make a call that was cut off", () => {
    const text = "<tool_call>\n<function=weather>\n<parameter=city>Os"
    assert.deepStrictEqual(read("qwen-coder", text), { problems: ["incomplete_call"] })
  })

  it("reads the tags of Seed", () => {
    const text =
      "<seed:think>Well.</seed:think><seed:tool_call>\n<function=weather>\n<parameter=city>Oslo</parameter>\n</function>\n</seed:tool_call>"
    assert.deepStrictEqual(read("qwen-coder", text), { reasoning: "Well.", calls: oslo })
  })
})

describe("minimax", () => {
  it("reads M2", () => {
    const text =
      'On it.\n<minimax:tool_call>\n<invoke name="weather">\n<parameter name="city">Oslo</parameter>\n<parameter name="days">3</parameter>\n</invoke>\n<invoke name="time">\n</invoke>\n</minimax:tool_call>'
    const { calls } = read("minimax", text)
    assert.deepStrictEqual(calls, [
      ["weather", { city: "Oslo", days: 3 }],
      ["time", {}]
    ])
  })

  it("reads M3, in which tags nest as values do", () => {
    const m = "]<]minimax[>["
    const text = `${m}<tool_call>\n${m}<invoke name="weather">${m}<city>Oslo${m}</city>${m}<tags>${m}<item>a${m}</item>${m}<item>b${m}</item>${m}</tags>${m}<place>${m}<name>null${m}</name>${m}<zip>7${m}</zip>${m}</place>${m}</invoke>\n${m}</tool_call>`
    assert.deepStrictEqual(read("minimax", text).calls, [
      ["weather", { city: "Oslo", tags: ["a", "b"], place: { name: "null", zip: 7 } }]
    ])
  })

  it("reads M1, and the lines that can be read beside one that cannot", () => {
    const text =
      '<tool_calls>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n{no json}\n{"name": "time", "arguments": {}}\n</tool_calls>'
    assert.deepStrictEqual(read("minimax", text), { calls: [...oslo, ["time", {}]], problems: ["malformed_call"] })
  })
})
