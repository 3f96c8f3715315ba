import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Arguments from "../src/model/Arguments.ts"

const anything = { type: "object" } as const
const whole = { truncated: false }
const parse = (text: string) => Arguments.parse(text, anything, whole)

const Input = Schema.Record(Schema.String, Schema.Json)

/** A value as Python prints it, with a comma at the end of everything and comments in between. */
const python = (value: Schema.Json): string => {
  if (value === null) return "None"
  if (typeof value === "boolean") return value ? "True" : "False"
  if (typeof value === "string") {
    return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
  }
  if (typeof value !== "object") return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item: Schema.Json) => `${python(item)}, `).join("")}]`
  const fields = Object.entries(value).map(([key, field]) => `${python(key)} /* : */ : ${python(field)}, // ,\n`)
  return `{${fields.join("")}}`
}

describe("arguments", () => {
  it.prop("that are JSON are what they say", [Input], ([input]) => {
    assert.deepStrictEqual(parse(JSON.stringify(input)), { input: JSON.parse(JSON.stringify(input)), problem: null })
  })

  it.prop("in the notation of Python mean what they mean there", [Input], ([input]) => {
    const expected = JSON.parse(JSON.stringify(input))
    // A string that begins like a path on Windows is read as one.
    if (/"[A-Za-z]:\\\\/.test(JSON.stringify(expected))) return
    assert.deepStrictEqual(parse(python(input)), { input: expected, problem: null })
  })

  it.prop("that were encoded twice are decoded twice", [Input], ([input]) => {
    const text = JSON.stringify(JSON.stringify(input))
    assert.deepStrictEqual(parse(text).input, JSON.parse(JSON.stringify(input)))
  })

  describe("are repaired:", () => {
    const cases: ReadonlyArray<readonly [what: string, text: string, input: unknown]> = [
      ["a code fence", '```json\n{"a":1}\n```', { a: 1 }],
      ["prose around one object", 'Sure, I\'ll look: {"a":1} That should do.', { a: 1 }],
      ["the call that they belong to", 'search({"a":1});', { a: 1 }],
      ["a tag left over", '{"a":1}</tool_call>', { a: 1 }],
      ["one brace too many", '{"a":{"b":1}}}', { a: { b: 1 } }],
      ["braces missing at the end", '{"a":{"b":[1,{"c":"d"', { a: { b: [1, { c: "d" }] } }],
      ["single quotes", `{'a': 'it\\'s "so"'}`, { a: 'it\'s "so"' }],
      ["keys without quotes", "{a: 1, $b-c: 2}", { a: 1, "$b-c": 2 }],
      ["commas at the end", '{"a":[1,2,],}', { a: [1, 2] }],
      ["comments", '{"a":1, // one\n/* "b":2, */ "c":3}', { a: 1, c: 3 }],
      ["line breaks in a string", '{"a":"1\n2\r\n\t3\u00004"}', { a: "1\n2\r\n\t3\u00004" }],
      ["literals of Python", "{'a': True, 'b': False, 'c': None}", { a: true, b: false, c: null }],
      ["the same object twice", '{"a":1}\n{ "a": 1 }', { a: 1 }],
      ["an empty object before", '{}{"a":1}', { a: 1 }],
      ["text in JSON in JSON", '"\\"{\\\\\\"a\\\\\\":1}\\""', { a: 1 }],
      ["a mistake within JSON in JSON", "\"{'a':1,}\"", { a: 1 }],
      ["nothing", " \n", {}],
      ["null", "null", {}],
      ["an empty string", '""', {}],
      ["a key that objects have anyway", '{"__proto__":{"a":1},}', JSON.parse('{"__proto__":{"a":1}}')]
    ]
    for (const [what, text, input] of cases) {
      it(what, () =>
        assert.deepStrictEqual(parse(text), { input: input as Arguments.Arguments["input"], problem: null })
      )
    }
  })

  describe("keep a backslash that JSON has no use for:", () => {
    for (const [text, value] of [
      ["\\d+\\.\\d*", "\\d+\\.\\d*"],
      ["C:\\Users", "C:\\Users"],
      ["C:\\Users\\new\\table.txt", "C:\\Users\\new\\table.txt"],
      ["cat <<X\\necho \\$HOME", "cat <<X\necho \\$HOME"],
      ["\\u12 \\u0041", "\\u12 A"],
      ["a\\\\d\\d", "a\\d\\d"],
      ["C:\\\\a\\nD:\\\\b", "C:\\a\nD:\\b"],
      ["it\\'s", "it\\'s"]
    ] as const) {
      it(text, () => assert.deepStrictEqual(parse(`{"a":"${text}",}`).input, { a: value }))
    }
    it("but a path that is valid JSON is what JSON says", () =>
      assert.deepStrictEqual(parse('{"a":"C:\\new"}').input, { a: "C:\new" }))
  })

  describe("are not guessed where they may mean something else:", () => {
    for (const [what, text] of [
      ["a quote in a string", '{"a":"say "hi" now"}'],
      ["a quote that ends a string too early, before a brace", '{"a":"echo "} > file"}'],
      ["the same without a brace behind", '{"a":"echo "} > file"'],
      ["the same with more braces", '{"a":"if (x) {return "}"}"}'],
      ["an apostrophe in a string", "{'a': 'it's'}"],
      ["an apostrophe before a brace", "{'a': 'if (x) {'} else {'}'}"],
      ["two objects", '{"a":1}{"a":2}'],
      ["two objects in prose", 'Either {"a":1} or {"b":1}'],
      ["an object that was closed too early", '{"a":{"b":1}}, "c":2}'],
      ["the same without quotes", '{"a":{"b":1}}, c: 2'],
      ["an object without its first brace", '"a": {"b":1}'],
      ["the same without quotes", 'a: 1, b: {"c":1}}'],
      ["a list of objects", '[{"a":1},]'],
      ["a string without an end", '{"a":"b'],
      ["a comma at the end of the text", '{"a":1,'],
      ["a colon at the end of the text", '{"a":'],
      ["half a literal", '{"a":tru'],
      ["a word", '{"a":Paris}'],
      ["a missing comma", '{"a":"b" "c":"d"}'],
      ["two commas", '{"a":1,,"b":2}'],
      ["a value that is missing", '{"a":,"b":1}'],
      ["brackets that do not match", '{"a":[1}'],
      ["a number that JSON does not have", '{"a":007}'],
      ["prose alone", "I would search for it"]
    ] as const) {
      it(what, () => {
        const { input, problem } = parse(text)
        assert.deepStrictEqual(input, {})
        assert.include(problem, "not a JSON object")
        assert.include(problem, text)
      })
    }
  })

  it("that are not an object are named", () => {
    for (const [text, came] of [
      ["[1,2]", "an array of 2"],
      ["3", "number 3"],
      ["true", "boolean true"],
      ['"hi"', "hi"]
    ] as const) {
      assert.include(parse(text).problem, "not a JSON object")
      assert.include(parse(text).problem, came)
    }
  })

  it("are shown around their mistake, and not at length", () => {
    const text = `{"a":"${"x".repeat(10_000)}","b":"say "hi" now","c":"${"y".repeat(10_000)}"}`
    const { problem } = parse(text)
    assert.include(problem, 'say "hi" now')
    assert.include(problem, 'a quote inside a string is written \\"')
    assert.isBelow(problem!.length, 1_000)
  })

  describe("of an answer that was cut off", () => {
    const cut = (text: string) => Arguments.parse(text, anything, { truncated: true })

    it("are never completed, repaired or taken for none", () => {
      const text = '{"path":"a","content":"b","more":[1,2]}'
      for (let length = 0; length < text.length; length++) {
        const { input, problem } = cut(text.slice(0, length))
        assert.deepStrictEqual(input, {})
        assert.include(problem, "length limit")
      }
      for (const broken of ["{'a':1}", '{"a":1,}', "null", '""']) assert.include(cut(broken).problem, "length limit")
    })

    it("are read where they are whole", () => {
      assert.deepStrictEqual(cut('{"a":1}'), { input: { a: 1 }, problem: null })
      assert.deepStrictEqual(cut('"{\\"a\\":1}"'), { input: { a: 1 }, problem: null })
    })
  })

  it("are fitted to the tool's schema, and what does not fit is named with what was expected and what came", () => {
    const schema = {
      type: "object",
      properties: { n: { type: "integer" }, tags: { type: "array", items: { type: "string" } } },
      required: ["n"],
      additionalProperties: false
    } as const
    const fit = (text: string) => Arguments.parse(text, schema, whole)
    assert.deepStrictEqual(fit("{'n': '3', tags: 'a'}"), { input: { n: 3, tags: ["a"] }, problem: null })
    assert.deepStrictEqual(fit('{"n":"three","tags":[1],"more":true}'), {
      input: { n: "three", tags: [1], more: true },
      problem: [
        "The input does not fit:",
        'n: expected integer, got string "three"',
        "tags[0]: expected string, got number 1",
        "more: no such field; there are n, tags"
      ].join("\n")
    })
    assert.deepStrictEqual(fit("").problem, "The input does not fit:\nn: required, but missing")
    const many = fit(`{"n":1,"tags":[${Array.from({ length: 1_000 }, (_, index) => index).join()}]}`)
    assert.isBelow(many.problem!.length, 2_000)
  })

  describe("never throw", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"',
      "'",
      "\\",
      "/",
      "*",
      "\n",
      " ",
      "a",
      "1",
      "-",
      "None",
      "`",
      "\u0000",
      "\\u"
    ]
    const Noise = Schema.Array(Schema.Literals(pieces))

    it.prop(
      "whatever they are, and are a JSON object or a problem",
      [Noise, Schema.Boolean],
      ([noise, truncated]) => {
        for (const text of [noise.join(""), `{"a":${noise.join("")}}`, `{'a':'${noise.join("")}'`]) {
          const { input, problem } = Arguments.parse(text, anything, { truncated })
          assert.deepStrictEqual(JSON.parse(JSON.stringify(input)), input)
          if (problem !== null) assert.deepStrictEqual(input, {})
        }
      },
      { arbitrary: { runs: 3_000 } }
    )

    it("however deep they are", () => {
      const depth = 200_000
      const nested = `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`
      assert.include(parse(nested).problem, "levels deep")
      assert.include(parse(`${nested.slice(0, -1)},}`).problem, "levels deep")
      assert.include(parse(`{"a":1${'{"a":'.repeat(depth)}`).problem, "not a JSON object")
      const list = { type: "object", properties: { a: { type: "array" } } } as const
      assert.include(
        Arguments.parse(`{"a":"${"[".repeat(depth)}${"]".repeat(depth)}"}`, list, whole).problem,
        "a: expected array"
      )
      assert.include(parse(`{"a":${"[".repeat(depth)}1`).problem, "levels deep")
    })
  })
})
