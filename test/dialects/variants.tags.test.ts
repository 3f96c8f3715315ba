import { describe } from "@effect/vitest"
import { crlf, incomplete, now, oslo, undeclared, variants, wrote } from "./variants.ts"

type Args = Readonly<Record<string, string>>

const each = (args: Args, one: (key: string, value: string) => string): string =>
  Object.entries(args)
    .map(([key, value]) => one(key, value))
    .join("")

describe("glm", () => {
  const means = variants("glm", "auto")
  const call = (name: string, args: Args, nl = "\n") =>
    `<tool_call>${name}${nl}${each(args, (key, value) => `<arg_key>${key}</arg_key>${nl}<arg_value>${value}</arg_value>${nl}`)}</tool_call>`
  const city = call("weather", { city: "Oslo" })

  for (const text of [city, crlf(city), call("weather", { city: "Oslo" }, ""), `\n\n${city}\n\n`]) means(text, oslo)
  means(call(" weather ", { city: "Oslo" }), oslo)
  means(city.replace("city", " city "), oslo)
  means(`Hi. ${city} Bye.`, oslo, { content: "Hi.Bye." })
  means(call("weather", { city: "12", days: "3", metric: "false", temp: "1.5" }), [
    ["weather", { city: "12", days: 3, metric: false, temp: 1.5 }]
  ])
  for (const text of [
    'line1\nline2\n  <b>x</b> & "q"',
    "<tool_call>x</tool_call>",
    "<think>hm</think>",
    "日本 🌍 é",
    "",
    '{"a": 1}',
    "true"
  ]) {
    means(call("write", { path: "a.txt", text }), wrote(text))
  }
  means(call("run", { env: '{"A": "b"}', args: '["-l", "x"]' }), [["run", { env: { A: "b" }, args: ["-l", "x"] }]])
  means(call("now", {}) + city + "\n" + call("now", {}), [...now, ...oslo, ...now])
  means("<tool_call>now</tool_call>", now)
  means("<tool_call>\nnow\n</tool_call>", now)
  means(`<think>I need it</think>\n${city}`, oslo, { reasoning: "I need it" })
  means("<think>I need <arg_key> tags</think>ok", [], { content: "ok", reasoning: "I need <arg_key> tags" })
  means(city.replace("</tool_call>", ""), [], incomplete)
  means(call("rm", { path: "/" }), [], undeclared)
  means("a < b and <tool> and </tool_call", [], { content: "a < b and <tool> and </tool_call" })
})

describe("qwen-coder", () => {
  const means = variants("qwen-coder", "auto")
  const call = (name: string, args: Args, nl = "\n") =>
    `<tool_call>${nl}<function=${name}>${nl}${each(args, (key, value) => `<parameter=${key}>${nl}${value}${nl}</parameter>${nl}`)}</function>${nl}</tool_call>`
  const city = call("weather", { city: "Oslo" })

  for (const nl of ["\n", "", "\r\n"])
    means(call("weather", { city: "Oslo", days: "3" }, nl), [["weather", { city: "Oslo", days: 3 }]])
  means(`Let me.\n${city}\n\n${call("now", {})}`, [...oslo, ...now], { content: "Let me." })
  for (const text of [
    "if a < b:\n    x = '</function>'\n",
    "<tool_call>\n<function=x>\n</function>\n</tool_call>",
    "<parameter=zzz>q",
    "\tindented\n\n\nend  ",
    "🌍</tool_call>"
  ]) {
    means(call("write", { path: "a.txt", text }), wrote(text))
  }
  const bare = "<function=weather>\n<parameter=city>\nOslo\n</parameter>\n</function>"
  for (const text of [
    bare,
    `<tool_call>\n${bare}`,
    "<tool_call><function=weather><parameter=city>Oslo</parameter></tool_call>",
    "<tool_call><function=weather><parameter=city>Oslo</function></tool_call>",
    '<tool_call><function=weather>{"city": "Oslo"}</function></tool_call>',
    city.replace("=weather", '="weather"').replace("=city", "='city'"),
    city.replace("=weather", "=weather ").replace("=city", "=city "),
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
  ]) {
    means(text, oslo)
  }
  means(`${bare}</tool_call> ok`, oslo, { content: "ok" })
  means("<tool_call><function=now>", now)
  means(call("a.b-c_d", { x: "1" }), [["a.b-c_d", { x: 1 }]])
  means(call("run", { env: '{"A": {"B": [1]}}', args: "[]" }), [["run", { env: { A: { B: [1] } }, args: [] }]])
  means(call("rm", { path: "/" }), [], undeclared)
  means(`<think>\nplan\n</think>\n\n${city}`, oslo, { reasoning: "plan" })
  means(city.slice(0, city.indexOf("</function>")), [], incomplete)
  means(
    "<seed:tool_call><function=weather><parameter=city>Oslo</parameter></function></seed:tool_call><seed:eos>",
    oslo
  )
})

describe("minimax", () => {
  const means = variants("minimax", "auto")
  const invoke = (name: string, args: Args, nl = "\n") =>
    `<invoke name="${name}">${nl}${each(args, (key, value) => `<parameter name="${key}">${value}</parameter>${nl}`)}</invoke>`
  const call = (name: string, args: Args, nl = "\n") =>
    `<minimax:tool_call>${nl}${invoke(name, args, nl)}${nl}</minimax:tool_call>`
  const city = invoke("weather", { city: "Oslo" })

  for (const nl of ["\n", "", "\r\n"])
    means(call("weather", { city: "Oslo", days: "3", metric: "true", temp: "-2.5" }, nl), [
      ["weather", { city: "Oslo", days: 3, metric: true, temp: -2.5 }]
    ])
  means(call("now", {}), now)
  for (const text of ["<b>\n</invoke>\n&amp;", "\nx\n", "<minimax:tool_call>", "日本 🌍"])
    means(call("write", { path: "a.txt", text }), wrote(text))
  means(call("run", { env: '{"A": 1}', args: '["x"]' }), [["run", { env: { A: 1 }, args: ["x"] }]])
  means(`<minimax:tool_call>\n${city}\n${invoke("now", {})}\n</minimax:tool_call>`, [...oslo, ...now])
  for (const text of [
    city,
    `<minimax:tool_call>\n${city}`,
    city.replaceAll('"', "'"),
    city.replaceAll('"', ""),
    city.replaceAll('">', '" >')
  ])
    means(text, oslo)
  means(call("rm", { path: "/" }), [], undeclared)
  means(city.slice(0, city.indexOf("</param")), [], incomplete)
  means(`<think>hm</think>\n\n${city}`, oslo, { reasoning: "hm" })
  means(
    '<tool_calls>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n{"name": "now", "arguments": {}}\n</tool_calls>',
    [...oslo, ...now]
  )
})
