import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { coerce } from "../src/model/Coercion.ts"
import { toJsonSchema } from "../src/tools/JsonSchema.ts"

type Json = Schema.Json
const fitted = (value: Json, schema: Json) => {
  const { value: coerced, issues } = coerce(value, schema)
  assert.deepStrictEqual(issues, [])
  return coerced
}
const issues = (value: Json, schema: Json) => coerce(value, schema).issues.map(({ field, message }) => [field, message])

const string = { type: "string" }
const integer = { type: "integer" }
const list = (items: Json) => ({ type: "array", items })
const object = (properties: { readonly [key: string]: Json }, required: ReadonlyArray<string> = []) => ({
  type: "object",
  properties,
  required
})

const union = {
  anyOf: [object({ type: { const: "a" }, n: string }, ["type"]), object({ type: { const: "b" }, n: integer }, ["type"])]
}

const Input = Schema.Struct({
  name: Schema.String,
  count: Schema.optionalKey(Schema.Int),
  ratio: Schema.Finite,
  mode: Schema.Literals(["a", "b", "1"]),
  level: Schema.optional(Schema.Literal(3)),
  tags: Schema.Array(Schema.Union([Schema.String, Schema.Int])),
  pair: Schema.Tuple([Schema.String, Schema.Boolean]),
  nested: Schema.optionalKey(
    Schema.Struct({
      on: Schema.Boolean,
      by: Schema.NullOr(Schema.String),
      map: Schema.Record(Schema.String, Schema.Int)
    })
  ),
  shape: Schema.Union([
    Schema.Struct({ type: Schema.Literal("circle"), r: Schema.Finite }),
    Schema.Struct({ type: Schema.Literal("box"), w: Schema.Finite, h: Schema.optionalKey(Schema.Finite) })
  ])
})
const inputSchema = toJsonSchema(Input)

describe("a value", () => {
  it.prop("that fits is the same value still", [Schema.Record(Schema.String, Schema.Json)], ([value]) => {
    const json: Json = JSON.parse(JSON.stringify(value))
    for (const schema of [{}, { type: "object" }, { type: ["object", "string"] }, object({}), true]) {
      assert.strictEqual(fitted(json, schema), json)
    }
  })

  it.prop("that a tool's own schema makes and shows is never changed or refused", [Input], ([input]) => {
    const json: Json = JSON.parse(JSON.stringify(input))
    assert.strictEqual(fitted(json, inputSchema), json)
  })
})

describe("what a schema leaves one way for:", () => {
  const cases: ReadonlyArray<readonly [what: string, value: Json, schema: Json, coerced: Json]> = [
    ["digits for an integer", "3", integer, 3],
    ["digits with spaces", " -12 ", integer, -12],
    ["a whole number written as a fraction", "3.0", integer, 3],
    ["a number", "2.5e-1", { type: "number" }, 0.25],
    ["a number that may be an integer or not", "3", { type: ["integer", "number"] }, 3],
    ["true", "true", { type: "boolean" }, true],
    ["False", "False", { type: "boolean" }, false],
    ["null", "null", { type: ["integer", "null"] }, null],
    ["a lone value for an array of it", "a", list(string), ["a"]],
    ["a lone object", { a: 1 }, list(object({ a: integer })), [{ a: 1 }]],
    ["a lone value that is written as text", "3", list(integer), [3]],
    ["the text of an array", '["1", 2]', list(integer), [1, 2]],
    ["the text of an array of Python", "['a', 'b',]", list(string), ["a", "b"]],
    ["the text of an object", '{"a": "1"}', object({ a: integer }), { a: 1 }],
    ["the text of one of an array's objects", ['{"a":1}'], list(object({ a: integer })), [{ a: 1 }]],
    ["a choice in another type", "2", { enum: [1, 2] }, 2],
    ["a choice written as a number", 2, { type: "string", enum: ["1", "2"] }, "2"],
    ["a constant", "7", { const: 7 }, 7],
    ["the only member that it spells", "3", { anyOf: [integer, { type: "boolean" }] }, 3],
    ["members that agree", "3", { oneOf: [integer, { type: "number" }] }, 3],
    ["a field of the one member that it can be", { type: "b", n: "3" }, union, { type: "b", n: 3 }],
    ["null for a field that may be left out", { a: null, b: 1 }, object({ a: integer, b: integer }), { b: 1 }],
    ["the same further in", { o: { a: null } }, object({ o: object({ a: string }) }), { o: {} }],
    [
      "null for a field that there is not",
      { a: null },
      { type: "object", properties: {}, additionalProperties: false },
      {}
    ],
    ["fields of any name", { x: "1" }, { type: "object", additionalProperties: integer }, { x: 1 }],
    ["a place in a tuple", ["1", "1"], { type: "array", prefixItems: [string, integer] }, ["1", 1]],
    ["what all members want", { a: "1" }, { allOf: [object({ a: integer })] }, { a: 1 }]
  ]
  for (const [what, value, schema, coerced] of cases) {
    it(what, () => {
      const before = JSON.stringify(value)
      assert.deepStrictEqual(fitted(value, schema), coerced)
      assert.strictEqual(JSON.stringify(value), before, "what came is not changed itself")
    })
  }

  it("and a field named __proto__ stays a field", () => {
    const value: Json = JSON.parse('{"__proto__":{"a":1},"n":"1"}')
    assert.strictEqual(JSON.stringify(fitted(value, object({ n: integer }))), '{"__proto__":{"a":1},"n":1}')
  })
})

describe("what may mean something else is not touched:", () => {
  const cases: ReadonlyArray<readonly [what: string, value: Json, schema: Json, expected: string]> = [
    ["a number for a text", 3, string, "string"],
    ["a truth value for a text", true, string, "string"],
    ["a number with words", "3 apples", integer, "integer"],
    ["a number with zeros before it", "007", integer, "integer"],
    ["a fraction for an integer", "3.5", integer, "integer"],
    ["a fraction", 3.5, integer, "integer"],
    ["an integer that would lose digits", "12345678901234567890", integer, "integer"],
    ["a number for a truth value", 1, { type: "boolean" }, "boolean"],
    ["another word for a truth value", "yes", { type: "boolean" }, "boolean"],
    ["an empty text for a number", "", integer, "integer"],
    ["values with commas between them", "a, b", list(string), "array"],
    ["values on lines of their own", "a\nb", list(string), "array"],
    ["an array that is not closed", '["a", "b', list(string), "array"],
    ["an array that breaks off in its first value", '["a', list(string), "array"],
    ["a value for an array of anything", "a", { type: "array" }, "array"],
    ["a value for an array of arrays", "a", list(list(string)), "array"],
    ["a value for an array of two", 5, { ...list(integer), minItems: 2 }, "array"],
    ["null for an array", null, list({ type: ["string", "null"] }), "array"],
    ["a text that is no object", "hello", object({}), "object"],
    ["the text of an array for an object", "[1]", object({}), "object"],
    ["a text with two readings", "1", { anyOf: [integer, list(string)] }, "integer | array"],
    [
      "the same beside a choice",
      "1",
      { anyOf: [integer, list(string), { enum: ["x"], type: "string" }] },
      'integer | array | "x"'
    ],
    ["none of the choices", "Red", { type: "string", enum: ["red", "blue"] }, '"red" | "blue"']
  ]
  for (const [what, value, schema, expected] of cases) {
    it(what, () => {
      const { value: coerced, issues } = coerce(value, schema)
      assert.strictEqual(coerced, value)
      assert.deepStrictEqual(
        issues.map(({ message, value }) => [message, value]),
        [[`Expected ${expected}`, value]]
      )
    })
  }

  it("null stays where it is meant", () => {
    for (const schema of [
      object({ a: { type: ["string", "null"] } }),
      object({ a: { type: "string", nullable: true } }),
      object({ a: { anyOf: [integer, { type: "null" }] } }),
      object({ a: { enum: [1, null] } }),
      object({ a: {} }),
      object({})
    ]) {
      assert.deepStrictEqual(fitted({ a: null }, schema), { a: null })
    }
  })
})

describe("what does not fit", () => {
  it("is named by its field, and by what was expected and came", () => {
    const schema = object({ items: list(object({ id: integer }, ["id"])), name: string }, ["name", "items"])
    assert.deepStrictEqual(issues({ items: [{ id: 1 }, {}, { id: "x" }], name: null }, schema), [
      ["items[1].id", "is required"],
      ["items[2].id", "Expected integer"],
      ["name", "Expected string"]
    ])
    assert.deepStrictEqual(issues({ n: 1 }, { ...object({}), additionalProperties: false }), [["n", "is unexpected"]])
  })

  it("is named in detail where only one member of a union can have been meant", () => {
    assert.deepStrictEqual(issues({ b: "x" }, { anyOf: [string, object({ b: integer })] }), [["b", "Expected integer"]])
    assert.deepStrictEqual(issues(true, { anyOf: [string, object({ b: integer })] }), [
      ["", "Expected string | object"]
    ])
    assert.deepStrictEqual(issues({ c: 1 }, { type: "object", anyOf: [{ required: ["a"] }, { required: ["b"] }] }), [
      ["", "Expected object with a | object with b"]
    ])
  })

  it("is only what is certain", () => {
    for (const schema of [
      { $ref: "#/$defs/x", type: "string" },
      { type: "float" },
      { type: ["str", "int"] },
      { type: [] },
      { required: true },
      { enum: [] },
      { enum: [{ b: 1 }] },
      { not: {} },
      { anyOf: [{ $ref: "#" }, string] },
      { anyOf: [null, string] },
      { properties: { a: true } },
      { patternProperties: { "^a$": {} }, additionalProperties: false },
      { allOf: [{ properties: { a: {} } }], additionalProperties: false },
      null,
      "string"
    ]) {
      assert.deepStrictEqual(fitted({ a: 1 }, schema), { a: 1 })
    }
    assert.deepStrictEqual(fitted("a", { pattern: "^b$", minLength: 3 }), "a")
  })

  it("does not make a schema that is deep run out of stack, or one that can be met in many ways run for ever", () => {
    let deep: Json = string
    for (let level = 0; level < 100_000; level++) deep = { anyOf: [deep] }
    assert.deepStrictEqual(fitted(3, deep), 3)
    assert.isNotEmpty(issues(3, { anyOf: [{ allOf: [string], anyOf: [deep] }, { const: 1 }] }))
    let schema: Json = object({ a: integer }, ["a"])
    let value: Json = { a: "x" }
    for (let level = 0; level < 24; level++) {
      schema = object({ a: { anyOf: [list(schema), { type: ["string", "boolean"] }] } }, ["a"])
      value = { a: value }
    }
    assert.isNotEmpty(issues(value, schema))
  })
})
