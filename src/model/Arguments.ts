import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { JsonSchema } from "../domain/JsonSchema.ts"
import { explain, show } from "../tools/InputError.ts"
import { parseJson } from "./ChatChunk.ts"
import { coerce } from "./Coercion.ts"
import * as JsonRepair from "./JsonRepair.ts"
import { type Fields, isDeeperThan, isFields, maxDepth } from "./JsonTypes.ts"
import type { Fault } from "./JsonWriter.ts"

/** What a model wrote for a call's arguments. */
export interface Arguments {
  /** As the tool gets it; empty where the text could not be read. */
  readonly input: { readonly [key: string]: Schema.Json }
  /** What the model has to mend, in words for the model; null where the input fits. */
  readonly problem: string | null
}

/**
 * Reads a call's arguments as the tool's schema wants them. Where the answer was cut off at the model's length limit, only JSON that is whole
 * is read: nobody knows what else was to come.
 */
export const parse = (text: string, schema: JsonSchema, options: { readonly truncated: boolean }): Arguments => {
  const read = readObject(text, options.truncated, 2)
  if (Result.isFailure(read)) return { input: {}, problem: read.failure }
  const { value, issues } = coerce(read.success, schema)
  return issues.length === 0 && isFields(value)
    ? { input: value, problem: null }
    : { input: read.success, problem: explain(schema, issues) }
}

/** `encodings`: how often JSON may have been made a JSON string, as some servers do. */
const readObject = (text: string, truncated: boolean, encodings: number): Result.Result<Fields, string> => {
  const value = parseJson(text)
  if (isFields(value)) return atMostDeep(value, text)
  if (typeof value === "string" && encodings > 0) return readObject(value, truncated, encodings - 1)
  if (truncated) return Result.fail(cutOff)
  if (value === null || text.trim() === "") return Result.succeed({})
  if (value !== undefined) return Result.fail(`the arguments are not a JSON object, but ${show(value)}`)
  return JsonRepair.object(text).pipe(
    Result.mapError((fault) => unreadable(text, fault)),
    Result.flatMap((json) => atMostDeep(parseJson(json) as Fields, json)) // an object, or it would not have been repaired
  )
}

const cutOff =
  "the answer was cut off at the model's length limit before the arguments were complete; write less at a time"

/** So deep a value takes two characters a level at least. */
const atMostDeep = (value: Fields, text: string): Result.Result<Fields, string> =>
  text.length > 2 * maxDepth && isDeeperThan(maxDepth, value)
    ? Result.fail(`the arguments are nested more than ${maxDepth} levels deep`)
    : Result.succeed(value)

/** Characters that are shown of a text: those around its fault. */
const shown = 500

const unreadable = (text: string, { at, expected }: Fault): string => {
  const from = Math.max(0, Math.min(at - shown / 2, text.length - shown))
  const part = text.slice(from, from + shown).toWellFormed()
  const ends = [from > 0 ? "..." : "", from + shown < text.length ? "..." : ""]
  const came = text.slice(at, at + 20).toWellFormed()
  const place = came === "" ? "at the end" : `where this begins: ${came}`
  return `the arguments are not a JSON object; there should be ${expected} ${place}\nThey came as: ${ends[0]}${part}${ends[1]}`
}
