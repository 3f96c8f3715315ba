import type { JsonSchema } from "../../domain/JsonSchema.ts"
import { toValue } from "./Values.ts"

/** A schema, or a part of one, as it came: nothing about it is sure. */
export type Node = { readonly [key: string]: unknown }

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The schema of one parameter; undefined where the tool does not say at all what it takes. */
export const property = (schema: JsonSchema | undefined, name: string): Node | undefined => {
  if (schema === undefined) return undefined
  const declared = child(schema, name, schema)
  if (declared !== undefined || schema.properties === undefined) return declared
  return isNode(schema.additionalProperties) ? schema.additionalProperties : {}
}

/** Whether the tool declares a parameter of that name. */
export const isProperty = (schema: JsonSchema, name: string): boolean => child(schema, name, schema) !== undefined

/** The schema of the member `name` of what `node` describes. */
export const child = (node: Node, name: string, root: Node): Node | undefined => {
  for (const alternative of alternatives(node, root)) {
    if (isNode(alternative.properties) && Object.hasOwn(alternative.properties, name)) {
      const found = alternative.properties[name]
      return isNode(found) ? found : {}
    }
  }
  return undefined
}

/** The schema of the items of what `node` describes. */
export const items = (node: Node, root: Node): Node => {
  const found = alternatives(node, root).find((alternative) => isNode(alternative.items))?.items
  return isNode(found) ? found : {}
}

/** The schema and everything it may stand for, references resolved, each once: a schema may refer to itself. */
export const alternatives = (node: Node, root: Node): ReadonlyArray<Node> => {
  const found = new Set([node])
  for (const one of found) {
    const target = typeof one.$ref === "string" ? resolve(one.$ref, root) : undefined
    if (target !== undefined) found.add(target)
    for (const member of [one.anyOf, one.oneOf, one.allOf].filter(Array.isArray).flat()) {
      if (isNode(member)) found.add(member)
    }
  }
  return [...found]
}

const resolve = (reference: string, root: Node): Node | undefined => {
  const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference)?.[1]
  const definitions = isNode(root.$defs) ? root.$defs : root.definitions
  const found = name !== undefined && isNode(definitions) ? definitions[name] : undefined
  return isNode(found) ? found : undefined
}

/** The types a schema allows, by their plain names; empty where it says nothing. */
export const types = (node: Node, root: Node): ReadonlySet<string> => {
  const found = new Set<string>()
  for (const alternative of alternatives(node, root)) {
    const named = Array.isArray(alternative.type) ? alternative.type : [alternative.type]
    for (const name of named)
      if (typeof name === "string") found.add(synonyms.get(name.toLowerCase()) ?? name.toLowerCase())
    const constants = Array.isArray(alternative.enum)
      ? alternative.enum
      : "const" in alternative
        ? [alternative.const]
        : []
    if (alternative.type === undefined) for (const constant of constants) found.add(typeOf(constant))
  }
  return found
}

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : value === undefined ? "string" : typeof value

const synonyms: ReadonlyMap<string, string> = new Map([
  ["str", "string"],
  ["text", "string"],
  ["int", "integer"],
  ["long", "integer"],
  ["float", "number"],
  ["double", "number"],
  ["bool", "boolean"],
  ["dict", "object"],
  ["map", "object"],
  ["list", "array"],
  ["tuple", "array"]
])

/**
 * The value of a parameter that was written as raw text. Only what its schema allows is tried, and text of which nothing else can be made
 * stays text: whether the tool takes it is for the validation of its input to say.
 */
export const coerce = (raw: string, node: Node | undefined, root: Node = {}): unknown => {
  if (node === undefined) return raw
  const allowed = types(node, root)
  const text = raw.trim()
  if (text.toLowerCase() === "null") return null
  if (allowed.size === 0) return untyped(text, raw)
  for (const [type, read] of readers) {
    const value = allowed.has(type) ? read(text) : undefined
    if (value !== undefined) return value
  }
  return raw
}

/** A parameter that may be anything: a value where it can only be meant as one, and text otherwise. */
const untyped = (text: string, raw: string): unknown => {
  const value = toValue(text)
  return value.ok && typeof value.value !== "string" ? value.value : raw
}

const boolean = (text: string): boolean | undefined => {
  const lower = text.toLowerCase()
  return lower === "true" ? true : lower === "false" ? false : undefined
}

/** A whole number that a double does not hold exactly stays text. */
const integer = (text: string): number | undefined => {
  if (!/^[-+]?\d{1,20}(?:\.0{0,20})?$/.test(text)) return undefined
  return Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

const number = (text: string): number | undefined => {
  if (text.length > 40 || !/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) return undefined
  return Number.isFinite(Number(text)) ? Number(text) : undefined
}

const array = (text: string): unknown => {
  const value = structured(text, "[")
  return Array.isArray(value) ? value : undefined
}

const object = (text: string): unknown => {
  const value = structured(text, "{")
  return isNode(value) ? value : undefined
}

/** Some models write the JSON of a parameter as if it stood in a string, with a backslash before every quote. */
const structured = (text: string, first: string): unknown => {
  if (!text.startsWith(first)) return undefined
  const value = toValue(text)
  if (value.ok) return value.value
  const inner = text.includes('\\"') ? toValue(`"${text.replaceAll("\n", "\\n")}"`) : value
  const unescaped = inner.ok && typeof inner.value === "string" ? toValue(inner.value) : value
  return unescaped.ok ? unescaped.value : undefined
}

const readers: ReadonlyArray<readonly [string, (text: string) => unknown]> = [
  ["boolean", boolean],
  ["integer", integer],
  ["number", number],
  ["array", array],
  ["object", object]
]
