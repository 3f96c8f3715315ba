import { assert, describe, it } from "@effect/vitest"
import { parse } from "../../src/model/ToolCallText.ts"
import { oslo, read, tools } from "./read.ts"
import { tool } from "./texts.ts"

describe("kimi", () => {
  const call = (id: string, args: string) =>
    `<|tool_call_begin|>${id}<|tool_call_argument_begin|>${args}<|tool_call_end|>`

  it("keeps the id, which the model expects to see again", () => {
    const text = `Wait. <|tool_calls_section_begin|>${call("functions.weather:3", '{"city": "Oslo"}')}<|tool_calls_section_end|>`
    assert.deepStrictEqual(parse(text, { dialect: "kimi", tools }).calls, [
      { id: "functions.weather:3", name: "weather", arguments: { city: "Oslo" } }
    ])
  })

  it("reads calls whose end or whose section is missing", () => {
    const open = '<|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>{"city": "Oslo"}'
    assert.deepStrictEqual(read("kimi", `<think>Well${open}${open}`), { reasoning: "Well", calls: [...oslo, ...oslo] })
    assert.deepStrictEqual(read("kimi", open.slice(0, -2)), { problems: ["incomplete_call"] })
  })

  it("tells the thinking of the models before K2 apart", () => {
    const text = `◁think▷Well.◁/think▷Yes.${call("functions.weather:0", '{"city": "Oslo"}')}`
    assert.deepStrictEqual(read("kimi", text), { reasoning: "Well.", content: "Yes.", calls: oslo })
  })

  it("takes a call without a name for that of the one tool whose arguments it has", () => {
    const read_ = tool("read", { path: { type: "string" } })
    const write = { name: "write", parameters: { ...tool("", { path: {}, text: {} }).parameters, required: ["text"] } }
    const made = (args: string, tools = [read_, write]) =>
      parse(call("0", args), { dialect: "kimi", tools }).calls.map(({ name }) => name)
    assert.deepStrictEqual(made('{"path": "a"}'), ["read"])
    assert.deepStrictEqual(made('{"path": "a", "text": "b"}'), ["write"])
    for (const args of ["{}", '{"path": "a", "more": 1}', "[1]", '{"path"']) assert.deepStrictEqual(made(args), [])
    assert.deepStrictEqual(made('{"path": "a"}', [read_, { ...read_, name: "remove" }]), [])
    assert.deepStrictEqual(read("kimi", call("0", '{"city": "Oslo"}')), { problems: ["undeclared_tool"] })
  })

  it("reads K3", () => {
    const text =
      'Well.<|close|>think<|sep|><|open|>response<|sep|>Yes.<|close|>response<|sep|><|open|>tools<|sep|><|open|>call tool="weather" index="1"<|sep|><|open|>argument key="city" type="string"<|sep|>Oslo<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
    assert.deepStrictEqual(read("kimi", text, { startsInThinking: true }), {
      reasoning: "Well.",
      content: "Yes.",
      calls: oslo
    })
  })
})

describe("deepseek", () => {
  const begin = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>"
  const end = "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"

  it("reads the arguments of V3 in a fence, and those of V3.1 without", () => {
    const v3 = `${begin}function<｜tool▁sep｜>weather\n\`\`\`json\n{"city": "Oslo"}\n\`\`\`${end}`
    const v31 = `${begin}weather<｜tool▁sep｜>{"city": "Oslo"}${end}`
    for (const text of [v3, v31, v3.replaceAll("｜", "|")]) {
      assert.deepStrictEqual(read("deepseek", `Hm</think>${text}`, { startsInThinking: true }), {
        reasoning: "Hm",
        calls: oslo
      })
    }
  })

  it("says what cannot be read", () => {
    for (const body of [
      'weather{"city": "Oslo"}',
      "weather<｜tool▁sep｜>",
      "other<｜tool▁sep｜>weather```json\n{}\n```"
    ]) {
      assert.deepStrictEqual(read("deepseek", `${begin}${body}${end}`), { problems: ["malformed_call"] }, body)
    }
  })

  it("reads the tags of V3.2, which say what is a string", () => {
    const text =
      '<｜DSML｜function_calls>\n<｜DSML｜invoke name="weather">\n<｜DSML｜parameter name="city" string="true">7</｜DSML｜parameter>\n<｜DSML｜parameter name="days" string="false">7</｜DSML｜parameter>\n</｜DSML｜invoke>\n<｜DSML｜invoke name="time"/>\n</｜DSML｜function_calls>'
    assert.deepStrictEqual(read("deepseek", text).calls, [
      ["weather", { city: "7", days: 7 }],
      ["time", {}]
    ])
  })
})

describe("gemma", () => {
  const quoted = (text: string) => `<|"|>${text}<|"|>`

  it("reads the Python that Gemma 3 writes in a fence", () => {
    const text = 'Sure. ```tool_code\nweather(city="Oslo")\n```'
    for (const dialect of ["gemma", "auto"] as const) {
      assert.deepStrictEqual(read(dialect, text), { content: "Sure. ", calls: oslo })
    }
  })

  it("reads keys without quotes and strings between tokens", () => {
    const text = `<|channel>thought\nHm.<channel|>Yes.<|tool_call>call:weather{city:${quoted('a "b", {c}')},days:-3,metric:true,tags:[${quoted("x")}],place:{name:${quoted("Oslo")},zip:null}}<tool_call|>`
    assert.deepStrictEqual(read("gemma", text), {
      reasoning: "Hm.",
      content: "Yes.",
      calls: [
        ["weather", { city: 'a "b", {c}', days: -3, metric: true, tags: ["x"], place: { name: "Oslo", zip: null } }]
      ]
    })
  })

  it("reads FunctionGemma", () => {
    const text = "<start_function_call>call:weather{city:<escape>Oslo<escape>}<end_function_call>"
    assert.deepStrictEqual(read("gemma", text), { calls: oslo })
  })
})

describe("pythonic", () => {
  it("reads a list of calls, alone and between markers", () => {
    const list = `[weather(city='Oslo', metric=True, tags=["a"], place={'name': None}), time()]`
    const calls = [
      ["weather", { city: "Oslo", metric: true, tags: ["a"], place: { name: null } }],
      ["time", {}]
    ]
    for (const text of [
      list,
      `<|python_start|>${list}<|python_end|>`,
      `<|tool_call_start|>${list}<|tool_call_end|>`,
      `<function_calls>${list.slice(1, -1).replace("), ", ")\n")}</function_calls>`
    ]) {
      assert.deepStrictEqual(read("pythonic", text), { calls } as never, text) // The tuples are read-only here.
    }
  })

  it("leaves brackets alone that are not calls of declared tools", () => {
    for (const text of ["[link](url)", "[1, 2]", "[other(a=1)]", "[weather(1)]", "[weather] (city=1)"]) {
      assert.deepStrictEqual(read("pythonic", text), { content: text })
    }
  })

  it("does not make a call that was cut off", () => {
    assert.deepStrictEqual(read("pythonic", "So: [weather(city='Os"), {
      content: "So: ",
      problems: ["incomplete_call"]
    })
  })
})

describe("gpt-oss", () => {
  it("reads messages by their channel and recipient", () => {
    const text =
      '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary<|message|>Looking.<|end|><|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{"city": "Oslo"}<|call|>'
    assert.deepStrictEqual(read("gpt-oss", text), { reasoning: "Hm.", content: "Looking.", calls: oslo })
  })

  it("reads a recipient before the channel, and one with which the text begins", () => {
    const call = ' to=functions.weather<|channel|>commentary <|constrain|>json<|message|>{"city": "Oslo"}'
    assert.deepStrictEqual(read("gpt-oss", call), { calls: oslo })
    assert.deepStrictEqual(read("gpt-oss", `<|start|>assistant${call}<|call|>`), { calls: oslo })
  })

  it("parts messages of one kind, and drops what is said in another's name", () => {
    const message = (head: string, text: string) => `<|start|>${head}<|message|>${text}<|end|>`
    const text = [
      message("assistant<|channel|>final", "One."),
      message("user", "Me."),
      message("assistant<|channel|>final", "Two.")
    ]
    assert.deepStrictEqual(read("gpt-oss", text.join("")), { content: "One.\nTwo." })
  })

  it("keeps text without any message, and unknown tokens", () => {
    for (const text of ["Just text.", "to= nobody", "a <|weird|> b"]) {
      assert.deepStrictEqual(read("gpt-oss", text), { content: text })
    }
  })

  it("does not call a channel", () => {
    const text = '<|channel|>commentary to=analysis<|message|>{"a": 1}<|call|>'
    assert.deepStrictEqual(read("gpt-oss", text), { problems: ["undeclared_tool"] })
  })
})
