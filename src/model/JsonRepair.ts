import * as Result from "effect/Result"
import { type Fault, JsonWriter } from "./JsonWriter.ts"

/** Turns what models write instead of JSON into JSON, where it can mean only one thing. What stands in a string is never guessed. */

/** The one object of a text: by itself, between fences, in prose, or given twice. */
export const object = (text: string): Result.Result<string, Fault> => {
  const first = text.indexOf("{")
  const before = text.slice(0, Math.max(0, first))
  if (first === -1 || isPart.test(before)) return Result.fail({ at: 0, expected: '"{"' })
  const objects = new Set<string>()
  for (let start = first; start !== -1;) {
    const writer = new JsonWriter(text, start)
    if (!writer.write()) return Result.fail(writer.fault)
    const json = writer.json
    // Some servers send an empty object before the real one.
    if (json !== "{}") objects.add(json)
    if (objects.size > 1) return Result.fail({ at: start, expected: "no second object" })
    start = text.indexOf("{", writer.at)
    const after = text.slice(writer.at, start === -1 ? undefined : start)
    if (!isOver(before, after, writer.quotes)) return Result.fail({ at: writer.at, expected: "nothing more" })
  }
  const [json = "{}"] = objects
  return Result.succeed(json)
}

/** Comes before an object that is only a part of something: of a list, or of a field. */
const isPart = /["[]|'\s*:\s*$/

/** Whether the text after an object is prose. It is not where the object was closed too early, perhaps by a quote that was not escaped. */
const isOver = (before: string, after: string, quotes: ReadonlySet<string>): boolean => {
  // One brace too many closes nothing, unless what it closes began without one.
  const rest = after.replace(before.includes(":") ? /^[\s\])`;]+/ : /^[\s}\])`;]+/, "")
  return !/^[,:]/.test(rest) && !["}", ...quotes].some((char) => rest.includes(char))
}

/** A text that is one object or array and nothing else. */
export const whole = (text: string): Result.Result<string, Fault> => {
  const writer = new JsonWriter(text, text.search(/\S|$/))
  if (!writer.write()) return Result.fail(writer.fault)
  return text.slice(writer.at).trim() === ""
    ? Result.succeed(writer.json)
    : Result.fail({ at: writer.at, expected: "nothing more" })
}
