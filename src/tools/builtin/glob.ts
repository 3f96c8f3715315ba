import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { limits } from "../../SandboxBackend.ts"
import { defineTool } from "../defineTool.ts"

export const glob = defineTool({
  name: "glob",
  description: `Finds files by a pattern such as "src/**/*.ts": newest first, ${limits.globMatches} at most.`,
  input: Schema.Struct({
    pattern: Schema.NonEmptyString,
    path: Schema.optionalKey(Schema.String.annotate({ description: "Folder to search; /workspace where absent" }))
  }),
  replay: "safe",
  run: ({ pattern, path }, { workspace }) =>
    Effect.map(workspace.glob(pattern, path || undefined), (files) => {
      if (files.length === 0) return "No file matches."
      const paths = files.map((file) => file.path).join("\n")
      return files.length < limits.globMatches ? paths : `${paths}\n[the newest ${files.length}; there may be more]`
    })
})
