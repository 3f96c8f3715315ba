import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { limits } from "../../SandboxBackend.ts"
import { defineTool, ToolFailure } from "../defineTool.ts"
import { capped } from "../Text.ts"

const limit = 100 * 1024
const lineLimit = 2_000

export const grep = defineTool({
  name: "grep",
  description: "Searches the lines of files for a regular expression (RE2 syntax). Answers path:line:text.",
  input: Schema.Struct({
    pattern: Schema.NonEmptyString,
    path: Schema.optionalKey(
      Schema.String.annotate({ description: "File or folder to search; /workspace where absent" })
    )
  }),
  replay: "safe",
  run: ({ pattern, path }, { workspace }) =>
    workspace.grep(pattern, path || undefined).pipe(
      Effect.timeoutOrElse({
        duration: "60 seconds",
        orElse: () =>
          Effect.fail(new ToolFailure({ message: "The search took longer than 60 seconds; name a smaller folder." }))
      }),
      Effect.map((matches) => {
        if (matches.length === 0) return "No line matches."
        const lines = matches.map(({ path, line, text }) => `${path}:${line}:${text.slice(0, lineLimit)}`)
        if (matches.length === limits.grepMatches) lines.push(`[the first ${matches.length}; there may be more]`)
        return capped(lines.join("\n"), limit)
      })
    )
})
