import { Effect, Schema } from "effect"
import type { SandboxBackend } from "../../SandboxBackend.ts"
import { defineTool, ToolFailure } from "../defineTool.ts"
import { decodeFile, encode } from "../Text.ts"
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
  const text = yield* workspace.readFile(file_path).pipe(Effect.flatMap((content) => decodeFile(file_path, content)))
  const pieces = text.split(old_string)
  const count = pieces.length - 1
  if (count === 0) {
    return yield* new ToolFailure({ message: `old_string does not occur in ${file_path}${hint(text, old_string)}` })
  }
  if (count > 1 && !replace_all) {
    const message = `old_string occurs ${count} times in ${file_path}: make it longer so that it is unique, or set replace_all`
    return yield* new ToolFailure({ message })
  }
  yield* workspace.writeFile(file_path, encode(pieces.join(new_string)))
  return `Replaced ${count} ${count === 1 ? "occurrence" : "occurrences"} in ${file_path}.`
})

/** Most misses are wrong indentation or line ends: says where the text stands when spaces at the ends of lines do not count. */
const hint = (text: string, wanted: string): string => {
  const lines = text.split("\n").map((line) => line.trim())
  const wantedLines = wanted
    .trim()
    .split("\n")
    .map((line) => line.trim())
  const at = lines.findIndex((_, start) => wantedLines.every((line, offset) => lines[start + offset] === line))
  return at === -1
    ? "; read the file to see what it says"
    : `, but lines ${at + 1} to ${at + wantedLines.length} differ from it only in white space; read them and copy it exactly`
}
