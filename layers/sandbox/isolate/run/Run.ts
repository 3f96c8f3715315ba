import { Buffer } from "node:buffer"
import { Console } from "node:console"
import { inspect } from "node:util"
import { Files } from "../Files.ts"
import { Mount } from "../Mount.ts"
import type { Ended, Job, Module, Program, Store } from "../Protocol.ts"
import { Builtins, makeModule } from "./Builtins.ts"
import { Life } from "./Life.ts"
import { Linker, loadModules } from "./Linker.ts"
import { makeNodeFs } from "./NodeFs.ts"
import { install } from "./Pending.ts"
import { makeProcess, Output } from "./Process.ts"
import { readline } from "./Readline.ts"

/** What differs between the isolates that a program may run in. */
export interface Platform {
  /** Makes the function that a module's text is. */
  readonly evaluate: (module: Exclude<Module, { kind: "broken" }>) => Promise<unknown>
  readonly builtin: (name: string) => object | undefined
  readonly onRejection: (listener: (reason: unknown) => void) => void
}

/** Runs a program to its end or its deadline, and sends back the files it changed. Takes over the globals of its isolate. */
export const run = async (program: Program, job: Job, store: Store, platform: Platform): Promise<Ended> => {
  // A pipeline may need more of stdout than a reader of the result is shown.
  const outputs = { stdout: new Output(job.settings.files.file), stderr: new Output(job.settings.output + 1) }
  const report = (line: string): void => outputs.stderr.add(Buffer.from(line))
  const life = new Life(job.timeout, report)
  const files = new Files(job.settings.files)
  const mount = new Mount(files, "/")
  mount.open(job.entries, store)
  for (const [path, content] of job.contents) {
    const node = files.stat(path, false)
    if (node.kind === "file") node.content = content
  }
  files.mkdir("/dev")
  files.writeFile("/dev/null", new Uint8Array())
  files.writeFile("/dev/stdin", job.stdin)

  const builtins = new Builtins(platform.builtin)
  const process = makeProcess(job, files, life, outputs, builtins.get)
  const console = new Console({ stdout: process.stdout, stderr: process.stderr })
  platform.onRejection((reason) => life.fail(reason))
  const modules = await loadModules(program, platform.evaluate)
  const { timers, timerPromises } = install(life)
  const fs = makeNodeFs(
    files,
    life,
    process.cwd,
    (device, data) => void (device === "/dev/stderr" ? process.stderr : process.stdout).write(data)
  )
  const linker = new Linker(modules, files, builtins, life.guard)
  const module = makeModule((from) => linker.require(from))
  builtins.add({ fs, "fs/promises": fs.promises, module, process, readline, timers, "timers/promises": timerPromises })
  Object.assign(globalThis, { console: Object.assign(console, { Console }), process, global: globalThis })

  const handled = life.onError
  life.onError = (error) => {
    if (handled(error)) return true
    report(`Uncaught ${describe(error, program)}\n`)
    return false
  }
  // Rejects once the other side has forgotten this program.
  store.cancelled().then(
    () => life.cancel(),
    () => undefined
  )
  void life.main(linker.main(program))
  const end = await life.ended
  await mount.flush(store)
  return { stdout: outputs.stdout.bytes, stderr: outputs.stderr.bytes, ...end }
}

/** As Node prints an error, without the frames that are not the program's. */
const describe = (error: unknown, program: Program): string => {
  const names = program.modules.flatMap((module) =>
    module.kind === "broken" ? [] : [[module.name, module.path] as const]
  )
  return inspect(error)
    .split("\n")
    .flatMap((line) => {
      if (!/^ +at /.test(line)) return [line]
      const found = names.find(([name]) => line.includes(`(${name}:`) || line.includes(`at ${name}:`))
      if (found !== undefined) return [line.replace(found[0], found[1])]
      return line.includes("<anonymous>") ? [line] : []
    })
    .join("\n")
}
