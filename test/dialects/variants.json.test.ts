import { describe } from "@effect/vitest"
import { crlf, incomplete, now, oslo, undeclared, variants, wrote } from "./variants.ts"

const city = '{"name": "weather", "arguments": {"city": "Oslo"}}'
const writing = (text: string) => JSON.stringify({ name: "write", arguments: { path: "a.txt", text } })
const time = '{"name": "now", "arguments": {}}'

describe("hermes", () => {
  const means = variants("hermes", "auto", "granite")
  const call = (body: string) => `<tool_call>\n${body}\n</tool_call>`

  for (const body of [
    city,
    city.replaceAll('"', "'"),
    city.replace("}}", ",}}"),
    city.replace("}}", ""),
    city.replace("arguments", "parameters"),
    '{"arguments": {"city": "Oslo"}, "name": "weather"}',
    '{"type": "function", "function": {"name": "weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}}',
    `\`\`\`json\n${city}\n\`\`\``
  ])
    means(call(body), oslo)
  for (const text of [
    crlf(call(city)),
    `<tool_call>${city}</tool_call>`,
    `<tool_call>\n${city}\n`,
    `<tool_call>\n${city}\n</tool_ca`
  ])
    means(text, oslo)
  for (const args of ["", ', "arguments": null', ', "arguments": ""', ', "arguments": {}'])
    means(call(`{"name": "now"${args}}`), now)
  for (const text of ["</tool_call> <tool_call>", 'a "q" \\ \n ```x``` {[', "é🌍", "l1\nl2", "C:\\Users \\d+"])
    means(call(writing(text)), wrote(text))
  means(call(writing("l1\nl2").replace("\\n", "\n")), wrote("l1\nl2"))
  means(call(writing("e").replace('"e"', '"\\u00e9\\ud83c\\udf0d"')), wrote("é🌍"))
  means(call('{"name": "run", "arguments": {"env": {"a": {"b": {"c": [1, {"d": null}]}}}}}'), [
    ["run", { env: { a: { b: { c: [1, { d: null }] } } } }]
  ])
  means(call(`${city}\n${time}`) + call(time), [...oslo, ...now, ...now])
  means(call('{"name": "rm", "arguments": {}}'), [], undeclared)
  means(call(city).slice(0, 45), [], incomplete)
})

describe("mistral", () => {
  const means = variants("mistral", "auto")

  for (const text of [
    `[TOOL_CALLS] [${city}]`,
    `[TOOL_CALLS][${city}]</s>`,
    `[TOOL_CALLS] [${city}`,
    `[TOOL_CALLS] ${city}`,
    '[TOOL_CALLS]\n[\n  {\n    "name": "weather",\n    "arguments": {\n      "city": "Oslo"\n    }\n  }\n]\n',
    `[TOOL_CALLS] [${city.replace('{"city": "Oslo"}', '"{\\"city\\": \\"Oslo\\"}"')}]`,
    '[TOOL_CALLS]weather{"city": "Oslo"}',
    '[TOOL_CALLS]weather[CALL_ID]abcdefghi[ARGS]{"city": "Oslo"}',
    '[TOOL_CALLS] weather [ARGS] {"city": "Oslo"}'
  ])
    means(text, oslo)
  means(`[TOOL_CALLS] [${city}, ${time}]`, [...oslo, ...now])
  means('Sure [TOOL_CALLS]weather[ARGS]{"city": "Oslo"}[TOOL_CALLS]now[ARGS]{}', [...oslo, ...now], { content: "Sure" })
  for (const text of ["[TOOL_CALLS] [1] ]", "[TOOL_CALLS]x[ARGS]{}", "日本 🌍"]) {
    means(`[TOOL_CALLS] [${writing(text)}]`, wrote(text))
    means(`[TOOL_CALLS]write[ARGS]${JSON.stringify({ path: "a.txt", text })}`, wrote(text))
  }
  means("[THINK]hm[/THINK]ok[TOOL_CALLS]now[ARGS]{}", now, { content: "ok", reasoning: "hm" })
  means("[TOOL_CALLS]now[ARGS]{} and text", now, { content: "and text" })
  means("[TOOL_CALLS]rm[ARGS]{}", [], undeclared)
  means(`[TOOL_CALLS] [${city.slice(0, -6)}`, [], incomplete)
  means(`[TOOL_CALLS] [${city}`, [], { ...incomplete, truncated: true })
  means("the array [1, 2] and [x](y)", [], { content: "the array [1, 2] and [x](y)" })
})

describe("llama", () => {
  const means = variants("llama", "auto", "pythonic", "other")
  const call = city.replace("arguments", "parameters")

  for (const text of [
    call,
    city,
    `  \n${call}\n`,
    crlf('{\n  "name": "weather",\n  "parameters": {\n    "city": "Oslo"\n  }\n}'),
    '{"type": "function", "name": "weather", "parameters": {"city": "Oslo"}}',
    '{"type": "function", "function": {"name": "weather", "parameters": {"city": "Oslo"}}}',
    '{"parameters": {"city": "Oslo"}, "name": "weather"}',
    '{"name": "weather", "parameters": "{\\"city\\": \\"Oslo\\"}"}'
  ])
    means(text, oslo)
  means(`${call}; ${call}`, [...oslo, ...oslo], { content: ";" })
  for (const text of [`${call}\n${call}`, `${call}${call}`, `[${call}, ${call}]`]) means(text, [...oslo, ...oslo])
  means(`Let me see. ${call} Done.`, oslo, { content: "Let me see.  Done." })
  for (const text of ['{"name": "now", "parameters": {}} }', "日本 🌍", "```"]) means(writing(text), wrote(text))
  for (const text of [
    '{"name": "rm", "parameters": {}}',
    '{"a": 1}',
    call.slice(0, -6),
    `${call.replace("weather", "rm")} ${call}`,
    'function f() { return {"name": "x"} }'
  ])
    means(text, [], { content: text })
  const tagged = variants("llama", "auto")
  for (const text of [call, `${call}<|eom_id|>`, `\n${call}`]) tagged(`<|python_tag|>${text}`, oslo)
  tagged('<function=weather>{"city": "Oslo"}</function>', oslo)
})

describe("granite", () => {
  const means = variants("granite", "auto")

  for (const text of [`<|tool_call|>[${city}]`, `<|tool_call|>${city}`, `<function_call> ${city}`]) means(text, oslo)
  means(`<|tool_call|> [${city}, ${time}]<|end_of_text|>`, [...oslo, ...now])
  means(`<function_call> ${city}<function_call> ${time}\nDone`, [...oslo, ...now], { content: "Done" })
  means(`Ok.<|tool_call|>[${writing("<|tool_call|> ] }")}]`, wrote("<|tool_call|> ] }"), { content: "Ok." })
  means(`<think>t</think><|tool_call|>[${city}]`, oslo, { reasoning: "t" })
  means('<|tool_call|>[{"name": "rm", "arguments": {}}]', [], undeclared)
  means(`<|tool_call|>[${city.slice(0, -6)}`, [], incomplete)
})

describe("pythonic", () => {
  const means = variants("pythonic", "auto")

  for (const text of [
    "[weather(city='Oslo')]",
    '[weather(city="Oslo"),]',
    crlf("[\n  weather(city='Oslo')\n]"),
    "<|python_start|>[weather(city='Oslo')]<|python_end|>",
    "<|tool_call_start|>[weather(city='Oslo')]<|tool_call_end|>"
  ])
    means(text, oslo)
  means("[ weather( city = 'Oslo' , metric = True, temp = -1.5e2 ) ]", [
    ["weather", { city: "Oslo", metric: true, temp: -150 }]
  ])
  means("Sure:\n[weather(city='Oslo'), now()]", [...oslo, ...now], { content: "Sure:" })
  means("<function_calls>\nweather(city='Oslo')\nnow()\n</function_calls>", [...oslo, ...now])
  means("[write(path='a.txt', text='it\\'s [x](y) \\n \"q\"')]", wrote('it\'s [x](y) \n "q"'))
  means('[write(path="a.txt", text="""a\n"b"\n""")]', wrote('a\n"b"\n'))
  means("[write(path='a.txt', text=r'\\d+\\n')]", wrote("\\d+\\n"))
  means("[run(env={'A': {'B': [1, True, None]}}, args=('x', 'y'))]", [
    ["run", { env: { A: { B: [1, true, null] } }, args: ["x", "y"] }]
  ])
  means("<think>t</think>[now()]", now, { reasoning: "t" })
  for (const text of ["[rm(path='/')]", "[weather('Oslo')]", "[1, 2, 3]", "[weather](city)"])
    means(text, [], { content: text })
  means("[weather(city='Os", [], incomplete)
})
