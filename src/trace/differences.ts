import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { fieldOf } from "../domain/Issue.ts"

/** One place where two values differ. */
export const Difference = Schema.Struct({
  /** For example `input.file_path`, or `messages[3].text`; empty for the whole value. */
  path: Schema.String,
  /** As JSON; of a long text what is around the first difference. Null where there is nothing. */
  recorded: Schema.NullOr(Schema.String),
  replayed: Schema.NullOr(Schema.String)
})
export type Difference = typeof Difference.Type

/** Differences that are told. */
const most = 10

/** Where `replayed` is not as `recorded`: up to ten places, in order. */
export const differences = (recorded: unknown, replayed: unknown): ReadonlyArray<Difference> => {
  const found: Array<Difference> = []
  const compare = (path: ReadonlyArray<PropertyKey>, recorded: unknown, replayed: unknown): void => {
    if (Object.is(recorded, replayed) || found.length === most) return
    if (Predicate.isObjectOrArray(recorded) && Predicate.isObjectOrArray(replayed)) {
      if (Array.isArray(recorded) === Array.isArray(replayed)) {
        const keys = new Set([...Object.keys(recorded), ...Object.keys(replayed)])
        for (const key of keys) {
          compare(
            [...path, Array.isArray(recorded) ? Number(key) : key],
            valueAt(recorded, key),
            valueAt(replayed, key)
          )
        }
        return
      }
    }
    found.push({ path: fieldOf(path), ...shown(recorded, replayed) })
  }
  compare([], recorded, replayed)
  return found
}

const valueAt = (value: object, key: string): unknown =>
  Object.hasOwn(value, key) ? (Reflect.get(value, key) as unknown) : undefined

/** Characters of a text before and after the place where it first differs. */
const [before, after] = [60, 240]

const shown = (recorded: unknown, replayed: unknown) => {
  if (typeof recorded !== "string" || typeof replayed !== "string") {
    return { recorded: json(recorded), replayed: json(replayed) }
  }
  let at = 0
  while (at < recorded.length && recorded[at] === replayed[at]) at++
  const from = Math.max(0, at - before)
  return { recorded: excerpt(recorded, from), replayed: excerpt(replayed, from) }
}

const json = (value: unknown): string | null => (value === undefined ? null : cut(JSON.stringify(value), 0))

const excerpt = (text: string, from: number) => JSON.stringify(cut(text, from))

const cut = (text: string, from: number) => {
  const to = from + before + after
  return `${from > 0 ? "..." : ""}${text.slice(from, to).toWellFormed()}${to < text.length ? "..." : ""}`
}
