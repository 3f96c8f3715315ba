import { resolve } from "../Paths.ts"
import type { Files } from "./Files.ts"
import { apply, manifest } from "./Mount.ts"
import { parseArgs } from "./NodeCommand.ts"
import { makeFileProgram, makeProgram } from "./Programs.ts"
import type { Ended, Host, Job, Program, Store } from "./Protocol.ts"

/** Bytes of files that a program gets at once, and so reads without waiting; the smallest first. */
const preloaded = 16 * 1024 * 1024

/** What a run takes from whoever starts it. */
export type Setup = Pick<Job, "settings" | "env" | "cwd" | "stdin" | "timeout">

/** `node` with these arguments, in an isolate of its own over `files`. */
export const runNode = async (files: Files, host: Host, args: ReadonlyArray<string>, setup: Setup): Promise<Ended> => {
  const asked = parseArgs(args)
  switch (asked.kind) {
    case "version":
      return answer(0, `${process.version}\n`)
    case "invalid":
      return answer(9, "", `node: ${asked.reason}\n`)
    case "file": {
      const program = await makeFileProgram(files, setup.cwd, asked.path)
      if (program === undefined) return answer(1, "", `node: cannot find '${resolve(setup.cwd, asked.path)}'\n`)
      return runProgram(files, host, program, [program.entry, ...asked.args], setup)
    }
    case "code":
    case "stdin": {
      const code = asked.kind === "code" ? asked.code : new TextDecoder().decode(setup.stdin)
      const stdin = asked.kind === "code" ? setup.stdin : new Uint8Array()
      return runCode(files, host, code, asked.module, asked.args, { ...setup, stdin })
    }
  }
}

/** Code that is no file, as if it were one in the working directory. */
export const runCode = async (
  files: Files,
  host: Host,
  code: string,
  module: boolean,
  args: ReadonlyArray<string>,
  setup: Setup
): Promise<Ended> => {
  const program = await makeProgram(files, resolve(setup.cwd, "[eval]"), code, module ? "module" : undefined)
  return runProgram(files, host, program, args, setup)
}

const runProgram = async (
  files: Files,
  host: Host,
  program: Program,
  args: ReadonlyArray<string>,
  setup: Setup
): Promise<Ended> => {
  const entries = manifest(files)
  const contents = new Map<string, Uint8Array>()
  let room = preloaded
  for (const { path, size } of entries.filter((entry) => entry.kind === "file").sort((a, b) => a.size - b.size)) {
    room -= size
    if (room < 0) break
    await files.load(path)
    contents.set(path, files.readFile(path))
  }
  const store: Store = {
    read: async (path) => {
      await files.load(path)
      return files.readFile(path)
    },
    write: async (changes) => apply(files, changes)
  }
  return host.run(program, { ...setup, argv: ["/usr/bin/node", ...args], entries, contents }, store)
}

const answer = (exitCode: number, stdout: string, stderr = ""): Ended => {
  const encoder = new TextEncoder()
  return { stdout: encoder.encode(stdout), stderr: encoder.encode(stderr), exitCode, timedOut: false }
}
