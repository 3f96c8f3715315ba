import { Buffer } from "node:buffer"
import { EventEmitter } from "node:events"
import { Readable, Writable } from "node:stream"
import { resolve } from "../../Paths.ts"
import { FileError } from "../FileError.ts"
import type { Files } from "../Files.ts"
import type { Job } from "../Protocol.ts"
import type { Life } from "./Life.ts"

/** What a program printed; what does not fit is dropped. */
export class Output {
  private readonly parts: Array<Uint8Array> = []
  private room: number

  constructor(limit: number) {
    this.room = limit
  }

  add(data: Uint8Array): void {
    const part = data.subarray(0, this.room)
    this.room -= part.length
    if (part.length > 0) this.parts.push(part.slice())
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts))
  }
}

/** The `process` of a program: the isolate's own, less what would tell of the isolate. */
export const makeProcess = (
  job: Job,
  files: Files,
  life: Life,
  outputs: { readonly stdout: Output; readonly stderr: Output },
  builtin: (name: string) => unknown
) => {
  let cwd = job.cwd
  const stream = (output: Output) =>
    Object.assign(
      new Writable({
        decodeStrings: true,
        write: (data: Buffer, _encoding, done) => {
          if (!life.isOver) output.add(data)
          done()
        }
      }),
      { isTTY: false }
    )
  const own = {
    argv: [...job.argv],
    argv0: "node",
    execArgv: [],
    execPath: "/usr/bin/node",
    env: { ...job.env },
    exitCode: undefined as number | string | undefined,
    pid: 2,
    ppid: 1,
    title: "node",
    stdout: stream(outputs.stdout),
    stderr: stream(outputs.stderr),
    stdin: Readable.from(job.stdin.length === 0 ? [] : [Buffer.from(job.stdin)], { objectMode: false }),
    cwd: () => cwd,
    chdir: (path: string) => {
      if (files.stat(resolve(cwd, path)).kind !== "directory") throw new FileError("ENOTDIR", "chdir", path)
      cwd = resolve(cwd, path)
    },
    exit: (code?: number | string): never => {
      if (code !== undefined) process.exitCode = Number(code)
      return life.exit(0)
    },
    getBuiltinModule: (name: string) => builtin(name),
    nextTick: (callback: (...values: ReadonlyArray<unknown>) => void, ...values: ReadonlyArray<unknown>) =>
      globalThis.queueMicrotask(() => life.call(callback, ...values))
  }
  const events = new EventEmitter()
  for (const name of [
    "on",
    "once",
    "off",
    "emit",
    "addListener",
    "removeListener",
    "removeAllListeners",
    "listenerCount"
  ] as const) {
    Object.assign(own, { [name]: (events[name] as (...values: ReadonlyArray<never>) => unknown).bind(events) })
  }
  // Defined, not assigned: Node's own are accessors.
  const process = Object.create(globalThis.process, Object.getOwnPropertyDescriptors(own)) as typeof own
  life.onError = (error) => events.emit("uncaughtException", error, "uncaughtException")
  life.onEnd = (exitCode) => {
    life.onEnd = () => Number(process.exitCode)
    process.exitCode ??= exitCode
    events.emit("exit", process.exitCode)
    return Number(process.exitCode)
  }
  return process
}
