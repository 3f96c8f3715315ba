import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Arguments from "../src/model/Arguments.ts"
import type { Fields } from "../src/model/JsonTypes.ts"
import * as OutputSchema from "../src/model/OutputSchema.ts"

const made = (schema: Fields) => Result.getOrThrow(OutputSchema.make(schema))

/** What becomes of what a model wrote: the answer, or what it is told. */
const read = (schema: Fields, text: string) => {
  const { parameters, problemOf, valueOf } = made(schema)
  const { input, problem } = Arguments.parse(text, parameters, { truncated: false })
  return problem ?? problemOf(input) ?? { value: valueOf(input) }
}

const refused = (schema: Fields) =>
  Result.match(OutputSchema.make(schema), {
    onSuccess: () => null,
    onFailure: ({ path, reason }) => `${path.join(".")}: ${reason}`
  })

const person = {
  type: "object",
  properties: { name: { type: "string", minLength: 2 }, age: { type: "integer", minimum: 0 } },
  required: ["name", "age"],
  additionalProperties: false
}

describe("an answer's schema", () => {
  it("of an object is the tool's parameters as it is, and its answer the input", () => {
    assert.deepStrictEqual<unknown>(made(person).parameters, person)
    assert.deepStrictEqual<unknown>(read(person, `{"name": "Ada", "age": "36",}`), { value: { name: "Ada", age: 36 } })
  })

  it("of anything else is wrapped, and unwrapped in the answer; definitions stay at the root", () => {
    const list = {
      type: "array",
      items: { $ref: "#/$defs/Item" },
      $defs: { Item: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] } }
    }
    const { parameters } = made(list)
    assert.deepStrictEqual<unknown>(parameters, {
      type: "object",
      properties: { value: { type: "array", items: { $ref: "#/$defs/Item" } } },
      required: ["value"],
      additionalProperties: false,
      $defs: list.$defs
    })
    assert.deepStrictEqual<unknown>(read(list, `{"value": [{"id": 1}]}`), { value: [{ id: 1 }] })
    assert.deepStrictEqual<unknown>(read({ type: "integer" }, `{"value": "7"}`), { value: 7 })
    assert.deepStrictEqual<unknown>(read({ type: ["string", "null"] }, `{"value": null}`), { value: null })
    assert.deepStrictEqual<unknown>(read({ anyOf: [person, { type: "null" }] }, `{"value": null}`), { value: null })
  })

  it("is checked in full: each wrong field, what was expected and what came", () => {
    assert.strictEqual(
      read(person, `{"name": "A", "age": -1}`),
      `The input does not fit:
name: expected a string with at least 2 code points, got string "A"
age: expected a value greater than or equal to 0, got number -1`
    )
    const list = { type: "array", items: { type: "string", pattern: "^[a-z]+$" }, minItems: 2, uniqueItems: true }
    assert.strictEqual(
      read(list, `{"value": ["A"]}`),
      `The input does not fit:
value[0]: expected a string matching the RegExp ^[a-z]+$, got string "A"`
    )
    assert.match(read(list, `{"value": ["a", "a"]}`) as string, /^The input does not fit:\nvalue: expected .*unique/)
    assert.match(
      read({ $ref: "#/$defs/P", $defs: { P: person } }, `{"value": {"name": "Ada"}}`) as string,
      /value\.age: req/
    )
    assert.match(read({ type: "string" }, "{}") as string, /value: required/)
  })

  it("may be recursive", () => {
    const tree = {
      type: "object",
      properties: { name: { type: "string" }, parts: { type: "array", items: { $ref: "#/$defs/Tree" } } },
      required: ["name"]
    }
    const schema = { ...tree, $defs: { Tree: tree } }
    assert.deepStrictEqual<unknown>(read(schema, `{"name": "a", "parts": [{"name": "b"}]}`), {
      value: { name: "a", parts: [{ name: "b" }] }
    })
    assert.match(read(schema, `{"name": "a", "parts": [{"parts": []}]}`) as string, /parts\[0\]\.name: required/)
  })

  it("bounds what a session has to keep", () => {
    const text = JSON.stringify({ value: "x".repeat(300_001) })
    assert.strictEqual(read({ type: "string" }, text), "The answer has 300003 characters; it may have 300000 at most.")
  })

  it("that demands what cannot be checked is refused, with the place", () => {
    const property = (schema: Fields) => refused({ type: "object", properties: { a: schema } })
    assert.strictEqual(property({ not: { type: "string" } }), "properties.a.not: is not supported")
    assert.match(property({ type: "string", pattern: "(" })!, /^properties\.a\.pattern: /)
    assert.strictEqual(
      property({ $ref: "#/$defs/B" }),
      `properties.a.$ref: Missing definition "B" for $ref "#/$defs/B".`
    )
    assert.match(property({ enum: [1, { b: 2 }] })!, /^properties\.a\.enum\.1: /)
    assert.strictEqual(
      refused({ $ref: "#/$defs/B", $defs: { B: { contains: {} } } }),
      "$defs.B.contains: is not supported"
    )
    let deep: Fields = { type: "string" }
    for (let level = 0; level < 60; level++) deep = { type: "array", items: { anyOf: [deep] } }
    assert.strictEqual(refused(deep), ": is nested more than 100 levels deep")
  })
})
