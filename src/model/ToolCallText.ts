import { grammarOf } from "./dialects/families.ts"
import * as Machine from "./dialects/Machine.ts"
import type { Options, Parsed } from "./dialects/Types.ts"

export type { Call, Delta, Dialect, Options, Parsed, Problem, Tool } from "./dialects/Types.ts"
export { maxCalls } from "./dialects/Turn.ts"
export type { Parser } from "./dialects/Machine.ts"

/**
 * Reads what a model writes, as it writes it. `push` answers what has become certain; `end` says what it all meant, which is the same
 * however the text was split. A call whose tool is not declared is never among the calls: it is a problem that the model can be told of.
 */
export const make = (options: Options): Machine.Parser => Machine.make(grammarOf(options.dialect), options)

/** Reads a whole text at once. */
export const parse = (text: string, options: Options): Parsed => {
  const parser = make(options)
  parser.push(text)
  return parser.end()
}
