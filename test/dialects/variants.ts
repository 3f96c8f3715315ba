import { assert, it } from "@effect/vitest"
import { type Dialect, make, type Options, parse, type Tool } from "../../src/model/ToolCallText.ts"

/** Texts as models vary them: each means the same in its own family and in none, in one piece and cut in two anywhere. */

type Calls = ReadonlyArray<readonly [name: string, args: unknown]>

export interface Expected extends Partial<Options> {
  /** Empty where it is not given; space at its ends does not count. */
  readonly content?: string
  readonly reasoning?: string
  readonly problems?: ReadonlyArray<string>
}

const text = { type: "string" }
const takes = (
  properties: Tool["parameters"]["properties"],
  ...required: ReadonlyArray<string>
): Tool["parameters"] => ({
  type: "object",
  properties,
  required
})

const tools: ReadonlyArray<Tool> = [
  {
    name: "weather",
    parameters: takes(
      { city: text, days: { type: "integer" }, metric: { type: "boolean" }, temp: { type: "number" } },
      "city"
    )
  },
  { name: "write", parameters: takes({ path: text, text }, "path", "text") },
  { name: "run", parameters: takes({ env: { type: "object" }, args: { type: "array", items: text } }) },
  { name: "now", parameters: takes({}) },
  { name: "a.b-c_d", parameters: takes({ x: {} }) }
]

export const oslo: Calls = [["weather", { city: "Oslo" }]]
export const now: Calls = [["now", {}]]
export const wrote = (text: string): Calls => [["write", { path: "a.txt", text }]]
export const incomplete: Expected = { problems: ["incomplete_call"] }
export const malformed: Expected = { problems: ["malformed_call"] }
export const undeclared: Expected = { problems: ["undeclared_tool"] }
export const crlf = (text: string): string => text.replaceAll("\n", "\r\n")

const short = (text: string): string =>
  JSON.stringify(text.length > 90 ? `${text.slice(0, 60)} ... ${text.slice(-25)}` : text)

/** Tests what a text of these families means. */
export const variants =
  (...dialects: ReadonlyArray<Dialect | "auto">) =>
  (text: string, calls: Calls, { content = "", problems = [], reasoning, ...more }: Expected = {}): void => {
    it.each(dialects)(`%s: ${short(text).replaceAll("%", "%%")}`, (dialect) => {
      const options: Options = { dialect, tools, ...more }
      const parsed = parse(text, options)
      assert.deepStrictEqual(
        {
          calls: parsed.calls.map(({ arguments: args, name }) => [name, args]),
          content: parsed.content.trim(),
          problems: parsed.problems.map(({ type }) => type),
          reasoning: parsed.reasoning
        },
        { calls: calls.map((call) => [...call]), content, problems: [...problems], reasoning: reasoning ?? null }
      )
      for (let at = 1; at < text.length; at++) {
        const parser = make(options)
        parser.push(text.slice(0, at))
        parser.push(text.slice(at))
        assert.deepStrictEqual(parser.end(), parsed, `cut at ${at}`)
      }
      const parser = make(options)
      for (const char of text) parser.push(char)
      assert.deepStrictEqual(parser.end(), parsed, "character by character")
    })
  }
