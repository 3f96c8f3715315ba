import { resolve } from "../Paths.ts"
import { parseArgs } from "./NodeCommand.ts"
import { makeFileProgram, makeProgram } from "./Programs.ts"
import type { Ended } from "./Protocol.ts"
import type { Setup, Task } from "./Task.ts"

/** `node` with these arguments, in an isolate of its own over the task's files. */
export const runNode = async (task: Task, args: ReadonlyArray<string>, setup: Setup): Promise<Ended> => {
  const asked = parseArgs(args)
  switch (asked.kind) {
    case "version":
      return answer(0, `${process.version}\n`)
    case "invalid":
      return answer(9, "", `node: ${asked.reason}\n`)
    case "file": {
      const program = await makeFileProgram(task.files, setup.cwd, asked.path)
      if (program === undefined) return answer(1, "", `node: cannot find '${resolve(setup.cwd, asked.path)}'\n`)
      return task.run(program, [program.entry, ...asked.args], setup)
    }
    case "code":
      return runCode(task, asked.code, asked.module, asked.args, setup)
    case "stdin": {
      const code = new TextDecoder().decode(setup.stdin)
      return runCode(task, code, asked.module, asked.args, { ...setup, stdin: new Uint8Array() })
    }
  }
}

/** Code that is no file, as if it were one in the working directory. */
export const runCode = async (
  task: Task,
  code: string,
  module: boolean,
  args: ReadonlyArray<string>,
  setup: Setup
): Promise<Ended> => {
  const program = await makeProgram(task.files, resolve(setup.cwd, "[eval]"), code, module ? "module" : undefined)
  return task.run(program, args, setup)
}

const answer = (exitCode: number, stdout: string, stderr = ""): Ended => {
  const encoder = new TextEncoder()
  return { stdout: encoder.encode(stdout), stderr: encoder.encode(stderr), exitCode, timedOut: false }
}
