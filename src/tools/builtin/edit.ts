import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { limits, type SandboxBackend } from "../../SandboxBackend.ts"
import { defineTool, ToolFailure } from "../defineTool.ts"
import { byteLength, decodeFile, encode } from "../Text.ts"
import { exclusive } from "./exclusive.ts"

const Input = Schema.Struct({
  file_path: Schema.NonEmptyString,
  old_string: Schema.NonEmptyString.annotate({ description: "The text to replace, exactly as it stands in the file" }),
  new_string: Schema.String,
  replace_all: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "Replace every occurrence; without it there must be exactly one" })
  )
})

export const edit = defineTool({
  name: "edit",
  description: "Replaces text in a file. old_string must occur exactly once, unless replace_all is true.",
  input: Input,
  run: (input, { workspace }) => replace(input, workspace).pipe(exclusive(workspace))
})

const replace = Effect.fnUntraced(function* (input: typeof Input.Type, workspace: SandboxBackend["Service"]) {
  const { file_path, old_string, new_string, replace_all = false } = input
  if (old_string === new_string) return yield* new ToolFailure({ message: "old_string and new_string are the same" })
  const content = yield* workspace.readFile(file_path)
  const text = yield* decodeFile(file_path, content)
  const count = countOf(text, old_string)
  if (count === 0) {
    return yield* new ToolFailure({ message: `old_string does not occur in ${file_path}${hint(text, old_string)}` })
  }
  if (count > 1 && !replace_all) {
    const message = `old_string occurs ${count} times in ${file_path}: make it longer so that it is unique, or set replace_all`
    return yield* new ToolFailure({ message })
  }
  const size = content.length + count * (byteLength(new_string) - byteLength(old_string))
  if (size > limits.file) {
    const message = `${file_path} would have ${size} bytes, which are more than the limit of ${limits.file}`
    return yield* new ToolFailure({ message })
  }
  yield* workspace.writeFile(file_path, replaced(text, old_string, new_string, size))
  return `Replaced ${count} ${count === 1 ? "occurrence" : "occurrences"} in ${file_path}.`
})

/** None of half a character: a file has none either. */
const countOf = (text: string, wanted: string): number => {
  let count = 0
  if (!wanted.isWellFormed()) return count
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length)) count++
  return count
}

/** Written straight into the bytes of the result: a list of the pieces in between would take many times their memory. */
const replaced = (text: string, old: string, replacement: string, size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  const inserted = encode(replacement)
  let end = 0
  let from = 0
  const keep = (to: number) => {
    if (to > from) end += encoder.encodeInto(text.slice(from, to), bytes.subarray(end)).written
  }
  for (let at = text.indexOf(old); at !== -1; at = text.indexOf(old, from)) {
    keep(at)
    bytes.set(inserted, end)
    end += inserted.length
    from = at + old.length
  }
  keep(text.length)
  return bytes
}

const encoder = new TextEncoder()

/** Looking for what is close compares every line with every wanted one: not beyond so many characters, and so many wanted lines. */
const hintLimits = { text: 256 * 1024, lines: 200 }

/** Most misses are wrong indentation or line ends: says where the text stands when spaces at the ends of lines do not count. */
const hint = (text: string, wanted: string): string => {
  const wantedLines = linesOf(wanted.trim())
  const isTooLong = text.length > hintLimits.text || wantedLines.length > hintLimits.lines
  const lines = isTooLong ? [] : linesOf(text)
  const at = lines.findIndex((_, start) => wantedLines.every((line, offset) => lines[start + offset] === line))
  return at === -1
    ? "; read the file to see what it says"
    : `, but lines ${at + 1} to ${at + wantedLines.length} differ from it only in white space; read them and copy it exactly`
}

const linesOf = (text: string) => text.split("\n").map((line) => line.trim())
