import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { make, maxCalls, type Options, parse } from "../src/model/ToolCallText.ts"
import { dialects, pieces, Text, tool } from "./dialects/texts.ts"
import { workOf } from "./dialects/work.ts"
import { writers } from "./dialects/writers.ts"

const inPieces = (text: string, length: number, options: Options) => {
  const parser = make(options)
  const deltas = []
  for (let at = 0; at < text.length; at += length) deltas.push(...parser.push(text.slice(at, at + length)))
  return { deltas, parsed: parser.end() }
}

const anyOf = (type: ReadonlyArray<string>) => ({ type: [...type] })
const often = { arbitrary: { runs: 300 } }
const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
const f = tool("f", { a: anyOf(["integer", "array", "object", "string"]) })
const Start = Schema.Literals(["thinking", "not thinking", "unknown"])
const starts = { thinking: true, "not thinking": false, unknown: undefined }

describe.each(dialects)("%s", (dialect) => {
  const options = (start: typeof Start.Type, truncated: boolean): Options => ({
    dialect,
    tools: [f],
    startsInThinking: starts[start],
    truncated
  })

  it.prop(
    "means the same however it is split",
    [Text, Start, Schema.Boolean],
    ([parts, start, truncated]) => {
      const text = parts.join("")
      const whole = parse(text, options(start, truncated))
      for (const length of [1, 2, 3, 7]) {
        assert.deepStrictEqual(inPieces(text, length, options(start, truncated)).parsed, whole)
      }
    },
    often
  )

  it.prop(
    "is streamed as it ends up",
    [Text, Start],
    ([parts, start]) => {
      const { deltas, parsed } = inPieces(parts.join(""), 3, options(start, false))
      const joined = (type: "content" | "reasoning") =>
        deltas.flatMap((delta) => (delta.type === type ? [delta.text] : [])).join("")
      assert.isTrue(parsed.content.startsWith(joined("content")))
      assert.isTrue((parsed.reasoning ?? "").startsWith(joined("reasoning")))
      const calls = deltas.flatMap((delta) => (delta.type === "call" ? [delta.call] : []))
      assert.deepStrictEqual(calls, parsed.calls.slice(0, calls.length))
    },
    often
  )

  it.prop(
    "never calls what is not declared",
    [Text, Start],
    ([parts, start]) => {
      const text = parts.join("")
      const names = parse(text, options(start, false)).calls.map((call) => call.name)
      assert.deepStrictEqual(
        names.filter((name) => name !== "f"),
        []
      )
      assert.deepStrictEqual(parse(text, { dialect, tools: [] }).calls, [])
    },
    often
  )

  it.prop(
    "takes any text",
    [Schema.String, Start, Schema.Boolean],
    ([text, start, truncated]) => {
      assert.isTrue(parse(text, options(start, truncated)).content.length <= text.length)
    },
    often
  )

  it.prop(
    "takes any bytes, and never says more than came",
    [Bytes, Text, Schema.Boolean],
    ([bytes, parts, truncated]) => {
      const text = new TextDecoder().decode(Uint8Array.from(bytes)) + parts.join("")
      const { calls, content, problems, reasoning } = parse(text, options("unknown", truncated))
      assert.isAtMost(content.length + (reasoning ?? "").length, text.length)
      assert.isAtMost(calls.length + problems.length, text.length)
    },
    often
  )

  it("takes work in proportion to the text, whatever is repeated", () => {
    const openings = ["", '<tool_call>{"name":"f","arguments":{"a":"', "<think>"]
    for (const opening of openings) {
      for (const piece of [...pieces, '<tool_call>{"a":"</tool_call>', "[f(1)]", '{"name":1}']) {
        const work = (length: number) =>
          workOf(() => parse(opening + piece.repeat(length / piece.length), { dialect, tools: [f] }))
        // Twice the text takes twice the work; if the work grew with its square, the second half alone would take three times the first.
        assert.isAtMost(work(10_000) - work(5_000), 2 * work(5_000), JSON.stringify([opening, piece]))
      }
    }
  })

  it("stays small and quick however deep a text nests", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
      ["<think>", "</think>"],
      ["<tool_call>", "</tool_call>"]
    ]) {
      const deep = open!.repeat(20_000) + close!.repeat(20_000)
      for (const text of [deep, `<tool_call>{"name":"f","arguments":{"a":${deep}}}</tool_call>`, `[f(a=${deep})]`]) {
        assert.isAtMost(parse(text, { dialect, tools: [f] }).problems.length, maxCalls + 1)
      }
    }
  })
})

describe.each(writers)("$dialect: $form", ({ dialect, ends = [], write }) => {
  const tools = ["f", "g"].map((name) => tool(name, { text: { type: "string" }, list: { type: "array" } }))

  it.prop(
    "gives back what was written, whatever the arguments hold",
    [Text, Text],
    ([one, other]) => {
      const texts = [one, other].map((parts) =>
        ends.reduce((text, end) => text.replaceAll(end, ""), `x${parts.join("")}.`)
      )
      if (texts.some((text) => ends.some((end) => text.includes(end)))) return
      const calls = texts.map((text, index) => ({
        name: "fg"[index]!,
        arguments: { text, list: [text, 1, null, true] }
      }))
      for (const use of [dialect, "auto"] as const) {
        const parsed = parse(write(calls), { dialect: use, tools })
        assert.deepStrictEqual(
          parsed.calls.map(({ arguments: args, name }) => ({ name, arguments: args })),
          calls
        )
        assert.deepStrictEqual(parsed.problems, [])
      }
    },
    often
  )

  it("says that a call was cut off, and does not make it", () => {
    const whole = write([{ name: "f", arguments: { text: "to be cut off here", list: ["a"] } }])
    const cut = whole.slice(0, whole.indexOf("cut off") + 3)
    const parsed = parse(cut, { dialect, tools, truncated: true })
    assert.deepStrictEqual(parsed.calls, [])
    if (dialect !== "llama")
      assert.deepStrictEqual(
        parsed.problems.map((problem) => problem.type),
        ["incomplete_call"]
      )
  })

  it("cut off anywhere, it gives only calls that came whole", () => {
    const calls = ["f", "g"].map((name) => ({ name, arguments: { text: `of ${name}`, list: [name, 1] } }))
    const whole = write(calls)
    for (let end = 0; end < whole.length; end++) {
      for (const truncated of [true, false]) {
        const parsed = parse(whole.slice(0, end), { dialect, tools, truncated })
        const made = parsed.calls.map(({ arguments: args, name }) => ({ name, arguments: args }))
        assert.deepStrictEqual(made, calls.slice(0, made.length))
      }
    }
  })

  it("refuses a tool that is not declared", () => {
    const parsed = parse(write([{ name: "h", arguments: { text: "x", list: [] } }]), { dialect, tools })
    assert.deepStrictEqual(parsed.calls, [])
    // Without a marker it is only text.
    const isText = parsed.content !== ""
    assert.deepStrictEqual(
      parsed.problems.map((problem) => problem.type),
      isText ? [] : ["undeclared_tool"]
    )
  })
})
