import { describe } from "@effect/vitest"
import { crlf, incomplete, malformed, now, oslo, undeclared, variants, wrote } from "./variants.ts"

const json = '{"city": "Oslo"}'
const writing = (text: string) => JSON.stringify({ path: "a.txt", text })

describe("kimi", () => {
  const means = variants("kimi", "auto")
  const call = (id: string, args: string, nl = "") =>
    `<|tool_call_begin|>${nl}${id}${nl}<|tool_call_argument_begin|>${nl}${args}${nl}<|tool_call_end|>`
  const section = (...calls: ReadonlyArray<string>) =>
    `<|tool_calls_section_begin|>${calls.join("")}<|tool_calls_section_end|>`
  const city = call("functions.weather:0", json)
  const open = city.replace("<|tool_call_end|>", "")

  for (const nl of ["", " ", "\n", "\r\n"]) means(section(call("functions.weather:0", json, nl)), oslo)
  for (const id of ["weather:0", "weather", "functions.weather:12"]) means(section(call(id, json)), oslo)
  for (const text of [
    city,
    section(open),
    section(city.replace("<|tool_call_argument_begin|>", "")),
    section(call("functions.weather:0", `\`\`\`json\n${json}\n\`\`\``))
  ])
    means(text, oslo)
  means(`Sure.${section(city, call("functions.now:1", "{}"))}<|im_end|>`, [...oslo, ...now], { content: "Sure." })
  means(section(open, call("functions.now:1", "{}")), [...oslo, ...now])
  means(section(city) + section(city), [...oslo, ...oslo])
  means(section(call("functions.a.b-c_d:12", '{"x":1}')), [["a.b-c_d", { x: 1 }]])
  for (const args of ["", "null", "{}"]) means(section(call("functions.now:0", args)), now)
  for (const text of ["<|tool_call_end|><|tool_calls_section_end|>", '{"a":[1,"}"]}'])
    means(section(call("functions.write:0", writing(text))), wrote(text))
  means(section(call("0", '{"path": "a.txt", "text": "b"}')), wrote("b"))
  for (const text of [`<think>hm</think>${section(city)}`, `<think>hm${section(city)}`])
    means(text, oslo, { reasoning: "hm" })
  means(section(call("functions.rm:0", "{}")), [], undeclared)
  means(section(call("functions.weather:0", '{"city": "Os')), [], malformed)
  means(`${section(city)} after`, oslo, { content: "after" })
  means(`${section()}text`, [], { content: "text" })
})

describe("deepseek", () => {
  const means = variants("deepseek", "auto")
  const separator = "<｜tool▁sep｜>"
  const call = (body: string) => `<｜tool▁call▁begin｜>${body}<｜tool▁call▁end｜>`
  const v3 = (name: string, args: string) => call(`function${separator}${name}\n\`\`\`json\n${args}\n\`\`\``)
  const v31 = (name: string, args: string) => call(`${name}${separator}${args}`)
  const section = (...calls: ReadonlyArray<string>) => `<｜tool▁calls▁begin｜>${calls.join("\n")}<｜tool▁calls▁end｜>`

  for (const text of [
    section(v3("weather", json)),
    crlf(section(v3("weather", json))),
    section(v31("weather", json)),
    section(v31(" weather ", `\n${json}\n`)),
    section(v31("weather", `\`\`\`json\n${json}\n\`\`\``)),
    section(v3("weather", json).replace("```json", "```")),
    section(call(`function${separator}weather\n${json}`)),
    v3("weather", json),
    v3("weather", json).replace("<｜tool▁call▁end｜>", ""),
    v31("weather", json).replace("<｜tool▁call▁end｜>", "")
  ])
    means(text, oslo)
  means(`Hm.\n\n${section(v3("weather", json), v31("now", "{}"))}<｜end▁of▁sentence｜>`, [...oslo, ...now], {
    content: "Hm."
  })
  for (const text of ["```json\n{}\n```", "<｜tool▁call▁end｜><｜tool▁calls▁end｜>", separator])
    for (const form of [v3, v31]) means(section(form("write", writing(text))), wrote(text))
  means(`<think>x</think>${section(v31("weather", json))}`, oslo, { reasoning: "x" })
  means(section(v31("rm", "{}")), [], undeclared)

  const parameter = (name: string, value: string, isString = true) =>
    `<｜DSML｜parameter name="${name}" string="${isString}">${value}</｜DSML｜parameter>`
  const invoke = (name: string, ...parameters: ReadonlyArray<string>) =>
    `<｜DSML｜function_calls>\n<｜DSML｜invoke name="${name}">\n${parameters.join("\n")}\n</｜DSML｜invoke>\n</｜DSML｜function_calls>`
  means(crlf(invoke("weather", parameter("city", "Oslo"))), oslo)
  means(invoke("weather", parameter("city", "42"), parameter("days", "3", false)), [
    ["weather", { city: "42", days: 3 }]
  ])
  means(invoke("run", parameter("args", '["a"]', false)), [["run", { args: ["a"] }]])
  means(invoke("now"), now)
  for (const text of ["</｜DSML｜invoke>\n x < y", ""])
    means(invoke("write", parameter("path", "a.txt"), parameter("text", text)), wrote(text))
})

describe("gpt-oss", () => {
  const means = variants("gpt-oss", "auto")
  const to = (name: string, args: string, more = "") =>
    `<|channel|>commentary to=functions.${name}${more}<|message|>${args}<|call|>`
  const next = "<|start|>assistant"

  for (const more of ["", " <|constrain|>json", "<|constrain|>json", " json", " code"])
    means(to("weather", json, more), oslo)
  for (const text of [
    to("weather", `\n${json}\n`),
    to("weather", json).replace("functions.", ""),
    to("weather", json).replace("commentary", "analysis"),
    to("weather", json).replace("<|call|>", ""),
    `${next} to=functions.weather<|channel|>commentary json<|message|>${json}<|call|>`
  ])
    means(text, oslo)
  means(to("weather", json) + next + to("now", ""), [...oslo, ...now])
  means(`<|channel|>analysis<|message|>hm<|end|>${next}${to("weather", json)}`, oslo, { reasoning: "hm" })
  means(`<|channel|>commentary<|message|>I will.<|end|>${next}${to("now", "{}")}`, now, { content: "I will." })
  means(to("write", writing("<|call|><|end|>")), wrote("<|call|><|end|>"))
  means(to("rm", "{}"), [], undeclared)
  means(to("weather", '{"city": "Os'), [], malformed)
  means(to("weather", '{"city": "Os').replace("<|call|>", ""), [], incomplete)
  for (const end of ["<|end|>", "<|return|>", ""])
    means(`<|channel|>final<|message|>Hello${end}`, [], { content: "Hello" })
})

describe("gemma", () => {
  const means = variants("gemma", "auto")
  const quoted = (text: string) => `<|"|>${text}<|"|>`
  const call = (name: string, args: string) => `<|tool_call>call:${name}{${args}}<tool_call|>`
  const city = `city:${quoted("Oslo")}`

  for (const text of [
    call("weather", city),
    call("weather", ` city : ${quoted("Oslo")} `),
    crlf(`<|tool_call>\ncall:weather{\n${city}\n}\n<tool_call|>`),
    call("weather", 'city:"Oslo"'),
    call("weather", '"city":"Oslo"'),
    call("weather", "city:Oslo"),
    "<start_function_call>call:weather{city:<escape>Oslo<escape>}<end_function_call>",
    '```tool_code\nweather(city="Oslo")\n```'
  ])
    means(text, oslo)
  means(call("weather", `${city},days:3,metric:true,temp:-1.5`), [
    ["weather", { city: "Oslo", days: 3, metric: true, temp: -1.5 }]
  ])
  means(call("weather", "city:New York, days:3"), [["weather", { city: "New York", days: 3 }]])
  means(`Ok ${call("now", "")}${call("weather", city)}<turn|>`, [...now, ...oslo], { content: "Ok" })
  for (const text of ['{"a": [1]}\n<tool_call|> }', "", "日本 🌍"])
    means(call("write", `path:${quoted("a.txt")},text:${quoted(text)}`), wrote(text))
  means(call("run", `env:{A:${quoted("b")},B:{C:[1,null]}},args:[${quoted("x")}]`), [
    ["run", { env: { A: "b", B: { C: [1, null] } }, args: ["x"] }]
  ])
  means(`<|channel>thought\nhm<channel|>${call("now", "")}`, now, { reasoning: "hm" })
  means(call("rm", ""), [], undeclared)
  means(call("weather", city).slice(0, -16), [], incomplete)
})
