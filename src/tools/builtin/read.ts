import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { defineTool, ToolFailure } from "../defineTool.ts"
import { byteLength, decodeFile } from "../Text.ts"

const limit = 256 * 1024

export const read = defineTool({
  name: "read",
  description: `Reads a text file, ${limit / 1024} KiB at most: of a larger one, a range of lines. Relative paths start in /workspace.`,
  input: Schema.Struct({
    file_path: Schema.NonEmptyString,
    view_range: Schema.optionalKey(
      Schema.Array(Schema.Int).check(Schema.isBetweenLength(2, 2)).annotate({
        description: "[first line, last line], counted from 1, both included; -1 as the last line reads to the end"
      })
    )
  }),
  replay: "safe",
  run: Effect.fnUntraced(function* ({ file_path, view_range }, { workspace }) {
    const content = yield* workspace.readFile(file_path)
    if (view_range === undefined && content.length > limit) {
      const message = `${file_path}: ${content.length} bytes are more than the limit of ${limit}; read a part of it, such as view_range [1, 500]`
      return yield* new ToolFailure({ message })
    }
    const text = yield* decodeFile(file_path, content)
    const part = view_range === undefined ? text : yield* lines(file_path, text, view_range)
    return part === "" ? "(empty)" : part
  })
})

const lines = Effect.fnUntraced(function* (path: string, text: string, [first = 1, last = -1]: ReadonlyArray<number>) {
  const all = text.split("\n")
  const count = text.endsWith("\n") ? all.length - 1 : all.length
  const end = last === -1 ? count : last
  if (first < 1 || (last !== -1 && last < first)) {
    return yield* new ToolFailure({
      message: `view_range [${first}, ${last}]: lines are counted from 1, the first before the last`
    })
  }
  if (first > count) {
    return yield* new ToolFailure({ message: `${path} has ${count} lines; view_range starts at line ${first}` })
  }
  const part = all.slice(first - 1, Math.min(end, count)).join("\n")
  if (byteLength(part) > limit) {
    return yield* new ToolFailure({
      message: `lines ${first} to ${end} of ${path} are more than the limit of ${limit} bytes; read fewer lines`
    })
  }
  return part
})
