import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { defineTool } from "../defineTool.ts"
import { encode } from "../Text.ts"
import { exclusive } from "./exclusive.ts"

export const write = defineTool({
  name: "write",
  description:
    "Writes a text file, replacing the one that is there, and makes the folders on the way. Relative paths start in /workspace.",
  input: Schema.Struct({ file_path: Schema.NonEmptyString, content: Schema.String }),
  run: ({ file_path, content }, { workspace }) => {
    const bytes = encode(content)
    return workspace
      .writeFile(file_path, bytes)
      .pipe(Effect.as(`Wrote ${bytes.length} bytes to ${file_path}.`), exclusive(workspace))
  }
})
