import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type ExecResult, limits } from "../../SandboxBackend.ts"
import { defineTool, ToolFailure } from "../defineTool.ts"

export const bash = defineTool({
  name: "bash",
  description:
    "Runs a command in the session's shell, starting in /workspace. The working directory and exported variables carry over to the next call.",
  input: Schema.Struct({
    command: Schema.optionalKey(Schema.String.annotate({ description: "The command to run" })),
    restart: Schema.optionalKey(
      Schema.Boolean.annotate({ description: "Forget the working directory and variables first; files stay" })
    ),
    timeout_ms: Schema.optionalKey(
      Schema.Int.check(Schema.isGreaterThan(0)).annotate({
        description: `Time limit in milliseconds: ${limits.execTimeout} where absent, ${limits.maxExecTimeout} at most`
      })
    )
  }),
  run: Effect.fnUntraced(function* ({ command, restart = false, timeout_ms }, { workspace }) {
    if (restart) yield* workspace.restart
    if (!command) {
      return restart
        ? "The shell was restarted."
        : yield* new ToolFailure({ message: "command: required, but missing" })
    }
    const timeout = Math.min(timeout_ms ?? limits.execTimeout, limits.maxExecTimeout)
    const result = yield* workspace.exec(command, { timeout })
    const text = render(result, timeout)
    return result.exitCode === 0 && !result.timedOut ? text : yield* new ToolFailure({ message: text })
  })
})

const render = (result: ExecResult, timeout: number): string => {
  const parts = [
    result.stdout.trimEnd(),
    result.stderr === "" ? "" : `stderr:\n${result.stderr.trimEnd()}`,
    result.truncated ? `[truncated: the first ${limits.output} bytes of each stream are kept]` : "",
    result.timedOut ? `The command was stopped: it ran for longer than ${timeout} ms.` : "",
    result.exitCode === 0 ? "" : `exit code: ${result.exitCode}`
  ]
  return parts.filter((part) => part !== "").join("\n") || "(no output)"
}
