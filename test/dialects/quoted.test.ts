import { assert, describe, it } from "@effect/vitest"
import { make, type Dialect, type Options } from "../../src/model/ToolCallText.ts"
import { oslo, read, tools } from "./read.ts"
import { writers } from "./writers.ts"

/** A call that is shown as an example is not made. */

const bare = '{"name": "weather", "parameters": {"city": "Oslo"}}'
const tagged = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
const forms: ReadonlyArray<readonly [Dialect | "auto", string]> = [
  ["auto", bare],
  ["auto", tagged],
  ["auto", "[weather(city='Oslo')]"],
  ["llama", bare],
  ["llama", '<function=weather>{"city": "Oslo"}</function>'],
  ["pythonic", "[weather(city='Oslo')]"],
  ["hermes", tagged],
  ["glm", "<tool_call>weather<arg_key>city</arg_key><arg_value>Oslo</arg_value></tool_call>"],
  ["qwen-coder", "<tool_call>\n<function=weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>"],
  ["mistral", '[TOOL_CALLS]weather[ARGS]{"city": "Oslo"}'],
  ["granite", '<function_call> {"name": "weather", "arguments": {"city": "Oslo"}}'],
  ["minimax", '<invoke name="weather"><parameter name="city">Oslo</parameter></invoke>'],
  ["gemma", '<|tool_call>call:weather{city:<|"|>Oslo<|"|>}<tool_call|>']
]
const fenced = (call: string, fence = "```", language = "json") => `${fence}${language}\n${call}\n${fence}`
const squeezed = (text: string | undefined) => (text ?? "").replace(/\s/g, "")

describe.each(forms)("%s: %s", (dialect, call) => {
  const isExample = (text: string) => {
    const { calls, content, problems } = read(dialect, text)
    assert.deepStrictEqual([calls, problems], [undefined, undefined], text)
    assert.strictEqual(squeezed(content), squeezed(text))
  }

  it("is an example where the answer goes on after the fence", () => {
    for (const fence of ["```", "````", "~~~"])
      for (const language of ["", "json", "tool_call "]) {
        isExample(`Calls look so:\n\n${fenced(call, fence, language)}\n\nShall I make it?`)
        isExample(`${fenced(call, fence, language)}\nThat is how.`)
      }
    isExample(`1. So:\n\n   ${fenced(call).replaceAll("\n", "\n   ")}\n\n2. Then wait.`)
    isExample(`${fenced(call)}\n${fenced(call)}\nTwo of them.`)
  })

  it("is an example where the fence holds more than calls", () => {
    isExample(`Code:\n\`\`\`ts\nconst call = ${call}\n\`\`\``)
    isExample(`Code:\n\`\`\`ts\nsend(\n${call}\n)\n\`\`\``)
    isExample(`Code:\n\`\`\`ts\n${call}\nconsole.log(1)\n\`\`\``)
  })

  it("is an example in a line of text", () => {
    if (call.includes("\n")) return
    isExample(`Write \`${call}\` and wait.`)
    isExample(`Write \`\`${call}\`\`.`)
    isExample(`Write \`${call}\``)
    isExample(`\`${call}\` is how.`)
    isExample(`\`\`\`${call}\`\`\` is how.`)
  })

  it("is meant where it is all there is, or nothing comes after the fence", () => {
    for (const text of [
      fenced(call),
      `Now.\n${fenced(call)}`,
      `Now.\n${fenced(call, "~~~", "")}\n\n`,
      `Now.\n\`\`\`json\n${call}`,
      `\`\`\`json ${call}\`\`\``,
      `\`${call}\``
    ]) {
      assert.deepStrictEqual(read(dialect, text).calls, oslo, text)
    }
    assert.deepStrictEqual(read(dialect, `${fenced(call)}\n${fenced(call)}\n`).calls, [...oslo, ...oslo])
  })

  it("is meant outside of code, whatever code there is", () => {
    for (const text of [
      `Use \`weather\`.\n${call}`,
      `${fenced("ls")}\n${call}`,
      `An odd \` here.\n\n${call}`,
      `An odd \` here. ${call}`,
      `${fenced("a ` b")}\n${call}`
    ]) {
      assert.deepStrictEqual(read(dialect, text).calls, oslo, text)
    }
  })

  it("is made where an example came before", () => {
    const { calls, content } = read(
      dialect,
      `So:\n${fenced(call)}\nOr \`${call.replaceAll("\n", "")}\`. Now:\n\n${call}`
    )
    assert.deepStrictEqual(calls, oslo)
    assert.include(content, "Now:")
  })

  it("is read the same however the text is split", () => {
    const texts = [
      `So:\n${fenced(call)}\nor \`${call}\`, or:\n\n~~~\nx ${call}\n~~~\n${call}`,
      `Now.\n${fenced(call)}\n${fenced(call)}\n`,
      `Odd \` one: ${call} and\n\n${fenced(call)} \`\`${call}\`\` end`
    ]
    const options: Options = { dialect, tools }
    for (const text of texts) {
      const whole = make(options)
      whole.push(text)
      const expected = whole.end()
      for (let at = 1; at < text.length; at++) {
        const parser = make(options)
        parser.push(text.slice(0, at))
        parser.push(text.slice(at))
        assert.deepStrictEqual(parser.end(), expected, JSON.stringify([text.slice(0, at), text.slice(at)]))
      }
      const parser = make(options)
      for (const char of text) parser.push(char)
      assert.deepStrictEqual(parser.end(), expected)
    }
  })
})

it("backticks and fences in the arguments of a call are its own", () => {
  const text = "a ` b\n```\n{}\n```\n`x`"
  const calls = [{ name: "f", arguments: { text, list: [text] } }]
  for (const { dialect, ends = [], write } of writers) {
    if (ends.some((end) => text.includes(end))) continue
    const f = { name: "f", parameters: { type: "object" as const, properties: { text: { type: "string" }, list: {} } } }
    for (const before of ["", "```json\n", "Use `f`.\n"]) {
      const [call] = read(dialect, before + write(calls as never), { tools: [f] }).calls ?? []
      assert.deepStrictEqual(call, ["f", calls[0]!.arguments], `${dialect} after ${before}`)
    }
  }
})

it("an example is shown as soon as it is one, and the text after it as it comes", () => {
  const parser = make({ dialect: "hermes", tools })
  assert.deepStrictEqual(parser.push(`So:\n${fenced(tagged)}`), [{ type: "content", text: "So:\n```json" }])
  assert.deepStrictEqual(parser.push("\nLike"), [{ type: "content", text: `\n${tagged}\n\`\`\`\nLike` }])
  assert.deepStrictEqual(parser.push(" that"), [{ type: "content", text: " that" }])
})
