import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { defineTool } from "../../src/tools/defineTool.ts"
import { toJsonSchema } from "../../src/tools/JsonSchema.ts"

const field = (schema: Schema.Constraint): unknown => {
  const { properties } = toJsonSchema(Schema.Struct({ field: schema }))
  return (properties as { readonly field: unknown }).field
}

const pattern = (regExp: RegExp) => field(Schema.String.check(Schema.isPattern(regExp)))

/** A check that says itself what pattern it is. */
const declared = (regExp: string) =>
  field(Schema.String.check(Schema.isPattern(/x/u, { toJsonSchema: () => ({ pattern: regExp }) })))

describe("toJsonSchema", () => {
  it("is an object schema that lists what is required and closes the rest", () => {
    assert.deepStrictEqual(
      toJsonSchema(
        Schema.Struct({
          city: Schema.String.annotate({ description: "Where" }),
          days: Schema.optionalKey(Schema.Int)
        })
      ),
      {
        type: "object",
        properties: { city: { type: "string", description: "Where" }, days: { type: "integer" } },
        required: ["city"],
        additionalProperties: false
      }
    )
  })

  it("shows a tool without input as an object without fields", () => {
    assert.deepStrictEqual(toJsonSchema(Schema.Struct({})), {
      type: "object",
      properties: {},
      additionalProperties: false
    })
  })

  it("keeps bounds that were asked for, and leaves out those of every safe integer", () => {
    assert.deepStrictEqual(field(Schema.Int), { type: "integer" })
    assert.deepStrictEqual(field(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))), {
      type: "integer",
      minimum: 1,
      maximum: 5
    })
    assert.deepStrictEqual(field(Schema.Number), { type: "number" })
  })

  it("shows literals as an enum", () => {
    assert.deepStrictEqual(field(Schema.Literals(["asc", "desc"])), { type: "string", enum: ["asc", "desc"] })
  })

  it("shows arrays, nested objects, records and unions", () => {
    assert.deepStrictEqual(field(Schema.Array(Schema.Int).check(Schema.isBetweenLength(2, 2))), {
      type: "array",
      items: { type: "integer" },
      minItems: 2,
      maxItems: 2
    })
    assert.deepStrictEqual(field(Schema.Struct({ deep: Schema.optional(Schema.Boolean) })), {
      type: "object",
      properties: { deep: { type: "boolean" } },
      additionalProperties: false
    })
    assert.deepStrictEqual(field(Schema.Record(Schema.String, Schema.Int)), {
      type: "object",
      additionalProperties: { type: "integer" }
    })
    assert.deepStrictEqual(field(Schema.Union([Schema.String, Schema.Int])), {
      anyOf: [{ type: "string" }, { type: "integer" }]
    })
  })

  it("says null only where the field must be there", () => {
    assert.deepStrictEqual(field(Schema.optional(Schema.String)), { type: "string" })
    assert.deepStrictEqual(field(Schema.optional(Schema.Union([Schema.String, Schema.Int]))), {
      anyOf: [{ type: "string" }, { type: "integer" }]
    })
    assert.deepStrictEqual(field(Schema.NullOr(Schema.String)), { anyOf: [{ type: "string" }, { type: "null" }] })
  })

  it("puts the description of a field over that of its type", () => {
    const schema = Schema.String.annotate({ description: "type" })
    assert.deepStrictEqual(field(Schema.optionalKey(schema).annotateKey({ description: "field" })), {
      type: "string",
      description: "field"
    })
  })

  it("writes out named schemas where they are used", () => {
    const Place = Schema.Struct({ city: Schema.String }).annotate({ identifier: "a/b Place", description: "A place" })
    const place = {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
      description: "A place"
    }
    const schema = toJsonSchema(
      Schema.Struct({ from: Place, via: Schema.Array(Place) }).annotate({ identifier: "Trip" })
    )
    assert.deepStrictEqual(schema.properties, { from: place, via: { type: "array", items: place } })
  })

  it("keeps the patterns that RE2 runs, and drops lookaround and backreferences", () => {
    assert.deepStrictEqual(pattern(/^[a-z]+$/u), { type: "string", pattern: "^[a-z]+$" })
    assert.deepStrictEqual(pattern(/^\\1$/u), { type: "string", pattern: "^\\\\1$" })
    for (const unsupported of [/^(?!no)/u, /^(?=yes)/u, /(?<!a)b/u, /(?<=a)b/u, /(a)\1/u, /(?<n>a)\k<n>/u]) {
      assert.deepStrictEqual(pattern(unsupported), { type: "string" }, String(unsupported))
    }
    assert.deepStrictEqual(declared("(?=yes)"), { type: "string" })
  })
})

const define = (name: string, input: Schema.ConstraintDecoder<unknown>) =>
  defineTool({ name, description: "", input, run: () => Effect.succeed("") })

describe("defineTool", () => {
  it("refuses a recursive schema, naming the tool", () => {
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree = Schema.Struct({ children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)) })
    assert.throws(() => define("plant", Tree), /tool plant: the schema is recursive/)
    assert.throws(() => define("plant", Schema.Struct({ tree: Tree })), /tool plant: the schema is recursive/)
  })

  it("refuses input that is no object, naming the tool", () => {
    assert.throws(() => define("shout", Schema.String), /tool shout: the input must be a Schema.Struct/)
    const either = Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })])
    assert.throws(() => define("either", either), /tool either: the input must be a Schema.Struct/)
  })

  it("refuses a name that no model could call", () => {
    assert.throws(() => define("my tool", Schema.Struct({})), /tool "my tool": a name has/)
  })
})
