import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { parseJson } from "./ChatChunk.ts"
import * as JsonRepair from "./JsonRepair.ts"

/** What a JSON Schema says of a value by itself: its type and its choices. */

type Json = Schema.Json
export type Fields = { readonly [key: string]: Json }

export const isFields = (value: unknown): value is Fields => Predicate.isObject(value)

/** Levels of objects and arrays, of a value or of a schema. Real ones have a few; code that follows them may run out of stack. */
export const maxDepth = 100

export const isDeeperThan = (levels: number, value: Json): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels <= 0 || Object.values(value).some((inner: Json) => isDeeperThan(levels - 1, inner)))

const tests: ReadonlyMap<Json | undefined, (value: Json) => boolean> = new Map(
  Object.entries({
    string: Predicate.isString,
    number: Predicate.isNumber,
    integer: Number.isInteger,
    boolean: Predicate.isBoolean,
    null: Predicate.isNull,
    array: Array.isArray,
    object: isFields
  })
)

/** Whether a value is of a schema's `type`: one that is absent, or that JSON Schema does not have, is anything's. */
export const accepts = (type: Json | undefined, value: Json): boolean => {
  if (Array.isArray(type)) return type.length === 0 || type.some((one: Json) => accepts(one, value))
  const test = tests.get(type)
  return test === undefined || test(value)
}

/** The types that a schema names; none where it admits any. */
export const typesOf = (type: Json | undefined): ReadonlyArray<string> => {
  const types = Array.isArray(type) ? type : [type]
  return types.every((one): one is string => tests.has(one)) ? types : []
}

const isScalar = (value: Json): boolean => typeof value !== "object" || value === null

/** The values that a schema lists, where they can be told apart at a glance. */
export const choicesOf = (schema: Fields): ReadonlyArray<Json> | undefined => {
  if (schema.enum === undefined && schema.const === undefined) return undefined
  const choices = schema.const === undefined ? schema.enum : [schema.const]
  return Array.isArray(choices) && choices.length > 0 && choices.every(isScalar) ? choices : undefined
}

/** The choice that a value names in another type: `"2"` for 2, or 2 for `"2"`. */
export const chosen = (value: Json, choices: ReadonlyArray<Json>): Json | undefined => {
  if (choices.includes(value)) return value
  const same = isScalar(value) ? choices.filter((choice) => spelling(choice) === spelling(value)) : []
  return same.length === 1 ? same[0] : undefined
}

const spelling = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value))

/** A text as the value of another type that it spells; nothing where it spells none. Other values are not converted: a number has many spellings. */
export const convert = (value: Json, type: string, levels: number): ReadonlyArray<Json> => {
  if (typeof value !== "string") return []
  switch (type) {
    case "integer":
    case "number":
      return numberOf(value.trim()).filter((number) => accepts(type, number))
    case "boolean":
      return /^(true|false)$/i.test(value.trim()) ? [value.trim().toLowerCase() === "true"] : []
    case "null":
      return value.trim() === "null" ? [null] : []
    case "array":
    case "object":
      return jsonOf(value).filter((json) => accepts(type, json) && !isDeeperThan(levels, json))
    default:
      return []
  }
}

/** Only numbers that are kept as they are written: a long id would be another one. */
const numberOf = (text: string): ReadonlyArray<number> => {
  if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return []
  const number = Number(text)
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? [number] : []
}

const jsonOf = (text: string): ReadonlyArray<Json> => {
  if (!/^\s*[[{]/.test(text)) return []
  const json = parseJson(text) ?? Result.getOrUndefined(Result.map(JsonRepair.whole(text), parseJson))
  return json === undefined ? [] : [json as Json] // JSON.parse makes nothing else
}

/** What a schema wants, in a few words; of one within others, only so many levels. */
export const describe = (schema: Json, levels = 3): string => {
  if (!isFields(schema) || levels === 0) return "something else"
  const choices = choicesOf(schema)
  if (choices !== undefined) return listed(choices.map((choice) => JSON.stringify(choice)))
  const types = typesOf(schema.type)
  if (types.length > 0) return types.join(" | ")
  const members = schema.anyOf ?? schema.oneOf
  if (Array.isArray(members)) return listed([...new Set(members.map((member: Json) => describe(member, levels - 1)))])
  return Array.isArray(schema.required)
    ? `object with ${schema.required.filter(Predicate.isString).join(", ")}`
    : "something else"
}

const listed = (all: ReadonlyArray<string>): string =>
  all.length > 20 ? `${all.slice(0, 20).join(" | ")} | ...` : all.join(" | ")
