import { assert, describe, it } from "@effect/vitest"
import { oslo, read } from "./read.ts"

const weather = '{"name": "weather", "arguments": {"city": "Oslo"}}'

describe("hermes", () => {
  it("reads one call, several in one tag, and a list", () => {
    for (const body of [weather, `\n${weather}\n`, `[${weather}]`, `\`\`\`json\n${weather}\n\`\`\``]) {
      assert.deepStrictEqual(read("hermes", `<tool_call>${body}</tool_call>`), { calls: oslo }, body)
    }
    assert.deepStrictEqual(read("hermes", `<tool_call>${weather}\n${weather}</tool_call>`), {
      calls: [...oslo, ...oslo]
    })
  })

  it("reads a call that nothing closes, and what comes after it is text", () => {
    assert.deepStrictEqual(read("hermes", `<tool_call>\n${weather}`), { calls: oslo })
    assert.deepStrictEqual(read("hermes", `<tool_call>${weather} I asked.`), { content: "I asked.", calls: oslo })
    assert.deepStrictEqual(read("hermes", `<tool_call>${weather}<tool_call>${weather}</tool_call>`), {
      calls: [...oslo, ...oslo]
    })
  })

  it("reads arguments that are a string of JSON, or written as Python would", () => {
    const encoded = JSON.stringify({ name: "weather", arguments: '{"city": "Oslo"}' })
    const python = `{"arguments": {'city': 'Oslo'}, "name": 'weather'}`
    for (const body of [encoded, python]) {
      assert.deepStrictEqual(read("hermes", `<tool_call>${body}</tool_call>`), { calls: oslo })
    }
  })

  it("says what cannot be read, and goes on after it", () => {
    const broken = `<tool_call>{"name": "weather", "arguments": {"city": "Oslo" "days" 3}}</tool_call>`
    assert.deepStrictEqual(read("hermes", `${broken} Then: <tool_call>${weather}</tool_call>`), {
      content: "Then:",
      calls: oslo,
      problems: ["malformed_call"]
    })
    assert.deepStrictEqual(read("hermes", "<tool_call>not json</tool_call>"), { problems: ["undeclared_tool"] })
  })

  it("ends a string that nothing closes with the call it stands in", () => {
    const text = `<tool_call>{"name": "weather", "arguments": {"city": "Oslo}}</tool_call>\n<tool_call>${weather}</tool_call>`
    assert.deepStrictEqual(read("hermes", text), { calls: oslo, problems: ["malformed_call"] })
  })

  it("keeps text that only speaks of the tag", () => {
    const text = "Write <tool_call> before the JSON."
    assert.deepStrictEqual(read("hermes", text), { content: text.replace("Write <", "Write<") })
  })

  it("reads the other forms within the same tag", () => {
    const forms = [
      "<tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</arg_value></tool_call>",
      "<tool_call><function=weather><parameter=city>Oslo</parameter></function></tool_call>",
      `<longcat_tool_call>${weather}</longcat_tool_call>`
    ]
    for (const form of forms) assert.deepStrictEqual(read("hermes", form), { calls: oslo }, form)
  })
})

describe("llama", () => {
  const call = '{"name": "weather", "parameters": {"city": "Oslo"}}'

  it("reads JSON in the middle of text", () => {
    assert.deepStrictEqual(read("llama", `Sure: ${call}; ${call}`).calls, [...oslo, ...oslo])
    assert.deepStrictEqual(read("llama", `<|python_tag|>${call}<|eom_id|>`), { calls: oslo })
    assert.deepStrictEqual(read("llama", `[${call}, ${call}]`), { calls: [...oslo, ...oslo] })
  })

  it("reads JSON after other JSON, where there are words between", () => {
    assert.deepStrictEqual(read("llama", `{"name": "nothing"} is no call, but ${call}`).calls, oslo)
  })

  it("reads the form of its own examples", () => {
    assert.deepStrictEqual(read("llama", '<function=weather>{"city": "Oslo"}</function><|eom_id|>'), { calls: oslo })
  })

  it("reads the calls of a list that lacks its end", () => {
    assert.deepStrictEqual(read("llama", `[${call}`), { calls: oslo })
  })

  it("leaves JSON alone that is not a call of a declared tool with arguments", () => {
    for (const text of [
      '{"name": "nothing", "parameters": {}}',
      '{"name": "weather"}',
      '{"name": "weather", "parameters": {oops}}',
      '{"city": "Oslo"} and [1, 2] and {x} and ["a"]',
      '{"name": "weather", "parameters": {"city": "Os',
      `{"name": "nothing"} ${call}`,
      `{"name": "nothing"}\n${call}\n${call}`
    ]) {
      assert.deepStrictEqual(read("llama", text), { content: text })
    }
  })
})

describe("granite", () => {
  it("reads a list, one object, and JSON in a tag", () => {
    for (const text of [
      `<|tool_call|>[${weather}]`,
      `<function_call> ${weather}`,
      `<tool_call>\n${weather}\n</tool_call>`
    ]) {
      assert.deepStrictEqual(read("granite", text), { calls: oslo }, text)
    }
    assert.deepStrictEqual(read("granite", `<|tool_call|>[${weather}] Done.`), { content: "Done.", calls: oslo })
  })
})

describe("mistral", () => {
  it("reads the list of the old form", () => {
    assert.deepStrictEqual(read("mistral", `Now.[TOOL_CALLS] [${weather}][/TOOL_CALLS]</s>`), {
      content: "Now.",
      calls: oslo
    })
  })

  it("reads names with arguments, with or without the words between", () => {
    for (const head of ["weather[ARGS]", "weather", "weather[CALL_ID]abc123def[ARGS]"]) {
      assert.deepStrictEqual(read("mistral", `[TOOL_CALLS]${head}{"city": "Oslo"}`), { calls: oslo }, head)
    }
    assert.deepStrictEqual(read("mistral", '[TOOL_CALLS]weather[ARGS]{"city": "Oslo"}[TOOL_CALLS]time[ARGS]{}'), {
      calls: [...oslo, ["time", {}]]
    })
  })

  it("reads thinking wherever it stands", () => {
    assert.deepStrictEqual(read("mistral", "Hm.\n[THINK]why[/THINK]So."), { content: "Hm.So.", reasoning: "why" })
  })
})

describe("other", () => {
  it("reads families that differ in their markers", () => {
    for (const text of [
      '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "weather", "parameters": {"city": "Oslo"}}]<|END_ACTION|>',
      `<TOOLCALL>[${weather}]</TOOLCALL>`,
      '<|tools_prefix|>[{"weather": {"city": "Oslo"}}]<|tools_suffix|>',
      '<|action_start|><|plugin|>{"name": "weather", "parameters": {"city": "Oslo"}}<|action_end|>',
      `<|message_sep|>\n\nfunction call<|role_sep|>\n${weather}`,
      `functools[${weather}]`,
      '<function name="weather"><param name="city"><![CDATA[Oslo]]></param></function>',
      '<｜tool_call_begin｜><steptml:invoke name="weather"><steptml:parameter name="city">Oslo</steptml:parameter></steptml:invoke><｜tool_call_end｜>',
      `{"tool_calls": [${weather}]}`
    ]) {
      assert.deepStrictEqual(read("other", text), { calls: oslo }, text)
      assert.deepStrictEqual(read("auto", text), { calls: oslo }, text)
    }
  })
})
