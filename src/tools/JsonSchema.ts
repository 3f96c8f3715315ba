import * as JsonPointer from "effect/JsonPointer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { JsonSchema } from "../domain/JsonSchema.ts"

type Node = { readonly [key: string]: unknown }

/**
 * The schema as a model reads it: plain JSON Schema, without references, and without `null` where leaving the field out says the same.
 * Throws where that is not possible: the schema is recursive, or is not an object's.
 */
export const toJsonSchema = (schema: Schema.Constraint): JsonSchema => {
  const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  const plain = simplify(document.schema, document.definitions, [])
  if (plain.type !== "object") throw new TypeError("the input must be a Schema.Struct")
  const json = { properties: {}, additionalProperties: false, ...plain } as Omit<JsonSchema, "type"> // Effect emits nothing but JSON.
  return { ...json, type: "object" }
}

const simplify = (node: Node, definitions: { readonly [name: string]: Node }, within: ReadonlyArray<string>): Node => {
  if (typeof node.$ref === "string") {
    const name = JsonPointer.unescapeToken(decodeURIComponent(node.$ref.replace("#/$defs/", "")))
    const target = definitions[name]
    if (target === undefined) throw new TypeError(`the schema refers to ${node.$ref}, which it does not define`)
    if (within.includes(name)) throw new TypeError("the schema is recursive, which models cannot be shown")
    return simplify(target, definitions, [...within, name])
  }
  const one = (value: unknown): unknown => (isNode(value) ? simplify(value, definitions, within) : value)
  const children = Object.fromEntries(
    Object.entries(node).map(([key, value]) => {
      if (Array.isArray(value) && lists.has(key)) return [key, value.map(one)]
      if (isNode(value) && maps.has(key)) {
        return [key, Object.fromEntries(Object.entries(value).map(([name, child]) => [name, one(child)]))]
      }
      return [key, single.has(key) ? one(value) : value]
    })
  )
  return withoutOptionalNulls(withoutNoise(merged(children)))
}

/** Keywords whose value is a list of schemas, a record of schemas, or one schema. */
const lists = new Set(["allOf", "anyOf", "oneOf", "prefixItems"])
const maps = new Set(["properties", "patternProperties"])
const single = new Set(["items", "additionalProperties", "propertyNames", "not"])

const isNode: (value: unknown) => value is Node = Predicate.isReadonlyObject

/** Effect puts the annotations of a field beside its schema, as one more member of `allOf`. */
const merged = (node: Node): Node => {
  if (!Array.isArray(node.allOf)) return node
  const { allOf, ...rest } = node
  return allOf.filter(isNode).reduce<Node>((into, member) => {
    const collides = Object.keys(member).some((key) => Object.hasOwn(into, key) && !annotations.has(key))
    return collides
      ? { ...into, allOf: [...(Array.isArray(into.allOf) ? into.allOf : []), member] }
      : { ...into, ...member }
  }, rest)
}

const annotations = new Set(["title", "description", "default", "examples"])

const withoutNoise = (node: Node): Node => {
  if (isNode(node.not) && node.not.type === "null") return { type: "object" }
  if (Array.isArray(node.anyOf) && node.anyOf.some(isInfinity)) return { ...without(node, "anyOf"), type: "number" }
  let plain = node
  if (node.minimum === Number.MIN_SAFE_INTEGER) plain = without(plain, "minimum")
  if (node.maximum === Number.MAX_SAFE_INTEGER) plain = without(plain, "maximum")
  if (typeof node.pattern === "string" && !runsOnRe2(node.pattern)) plain = without(plain, "pattern")
  return plain
}

const isInfinity = (node: unknown): boolean =>
  isNode(node) && Array.isArray(node.enum) && node.enum.includes("-Infinity") && node.enum.includes("NaN")

/** RE2, which several model servers check arguments with, has no lookaround and no backreferences. */
const runsOnRe2 = (pattern: string): boolean => !/\(\?<?[=!]|\\[1-9]|\\k</.test(pattern.replaceAll("\\\\", ""))

const withoutOptionalNulls = (node: Node): Node => {
  if (!isNode(node.properties)) return node
  const required: ReadonlyArray<unknown> = Array.isArray(node.required) ? node.required : []
  return {
    ...node,
    properties: Object.fromEntries(
      Object.entries(node.properties).map(([name, child]) => [
        name,
        required.includes(name) || !isNode(child) ? child : withoutNull(child)
      ])
    )
  }
}

const withoutNull = (node: Node): Node => {
  if (!Array.isArray(node.anyOf)) return node
  const others = node.anyOf.filter((member) => !isNode(member) || member.type !== "null")
  const [only] = others
  return others.length === 1 && isNode(only) ? { ...only, ...without(node, "anyOf") } : { ...node, anyOf: others }
}

const without = (node: Node, key: string): Node => Object.fromEntries(Object.entries(node).filter(([k]) => k !== key))
