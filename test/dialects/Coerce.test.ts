import { assert, describe, it } from "@effect/vitest"
import { coerce, property } from "../../src/model/dialects/Coerce.ts"

const as = (type: string | ReadonlyArray<string>, raw: string) => coerce(raw, { type })

describe("coerce", () => {
  it("makes of a text what its type allows", () => {
    assert.strictEqual(as("integer", "007"), 7)
    assert.strictEqual(as("integer", "3.0"), 3)
    assert.strictEqual(as("number", "-1.5e3"), -1500)
    assert.strictEqual(as("boolean", "True"), true)
    assert.strictEqual(as("string", "12"), "12")
    assert.strictEqual(as("integer", "null"), null)
    assert.deepStrictEqual(as("array", '["a", 1]'), ["a", 1])
    assert.deepStrictEqual(as("object", "{'a': True}"), { a: true })
    assert.deepStrictEqual(as("object", '{\\"a\\": 1}'), { a: 1 })
  })

  it("leaves text as it is where nothing else can be made of it", () => {
    const big = "12345678901234567890"
    for (const [type, raw] of [
      ["integer", "3.5"],
      ["integer", big],
      ["boolean", "yes"],
      ["number", "3.1.4"],
      ["array", "[1, 2, x y"],
      ["array", '{"a": 1}']
    ] as const) {
      assert.strictEqual(as(type, raw), raw)
    }
  })

  it("takes text last where several types are allowed", () => {
    assert.strictEqual(as(["string", "integer"], "12"), 12)
    assert.strictEqual(as(["string", "integer"], "12 apples"), "12 apples")
    assert.deepStrictEqual(coerce('["a"]', { anyOf: [{ type: "string" }, { type: "array" }] }), ["a"])
    assert.strictEqual(coerce("2", { enum: ["a", 2] }), 2)
  })

  it("follows references of the tool's schema", () => {
    const schema = {
      type: "object" as const,
      properties: { n: { $ref: "#/$defs/Count" } },
      $defs: { Count: { type: "integer" } }
    }
    assert.strictEqual(coerce("4", property(schema, "n"), schema), 4)
    const self = { anyOf: Array.from({ length: 9 }, () => ({ $ref: "#/$defs/Self" })), type: "integer" }
    assert.strictEqual(coerce("4", self, { $defs: { Self: self } }), 4)
  })

  it("knows what other parameters a tool takes", () => {
    const schema = { type: "object" as const, properties: { a: { type: "string" } } }
    assert.strictEqual(coerce("4", property(schema, "a")), "4")
    assert.strictEqual(coerce("4", property(schema, "b")), 4)
    assert.strictEqual(coerce("4", property({ ...schema, additionalProperties: { type: "string" } }, "b")), "4")
    assert.strictEqual(coerce("4", property({ type: "object" }, "b")), "4")
  })

  it("keeps the text of a parameter of which nothing is said, and guesses one of any type", () => {
    assert.strictEqual(coerce("4", undefined), "4")
    assert.strictEqual(coerce("4", {}), 4)
    assert.strictEqual(coerce("four", {}), "four")
  })
})
