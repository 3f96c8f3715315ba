import { within } from "../Paths.ts"
import type { Files } from "./Files.ts"
import { apply, manifest, type Mount } from "./Mount.ts"
import type { Ended, Host, Job, Program, Request, Settings, Store } from "./Protocol.ts"

/** Bytes of files that are loaded before they are asked for, the smallest first. */
const preloaded = 16 * 1024 * 1024

/** Bytes of file contents that stay loaded when a task is done. */
const warm = 32 * 1024 * 1024

/** Files that are asked for without waiting for each other. */
const atOnce = 64

/** How a program is started, by whoever starts it. */
export type Setup = Pick<Job, "env" | "cwd" | "stdin" | "timeout">

/** What one request does with the shell's files, from their entries to what it changed. */
export class Task {
  readonly files: Files
  readonly settings: Settings
  /** Aborts where nobody waits for the answer any more. */
  readonly cancelled: AbortSignal
  private readonly mount: Mount
  private readonly host: Host
  private isOpen = true

  constructor(files: Files, mount: Mount, { entries, settings }: Request, host: Host) {
    this.files = files
    this.settings = settings
    this.mount = mount
    this.host = host
    const cancel = new AbortController()
    this.cancelled = cancel.signal
    host.cancelled().then(
      () => cancel.abort(),
      // The host forgets this task when it has its answer.
      () => undefined
    )
    files.limits = settings.files
    mount.open(entries, host)
  }

  async run(program: Program, args: ReadonlyArray<string>, setup: Setup): Promise<Ended> {
    const { files, settings } = this
    const paths = await this.preload("/")
    const contents = new Map(paths.map((path) => [path, files.readFile(path)]))
    const entries = manifest(files)
    const argv = ["/usr/bin/node", ...args]
    return this.host.run(program, { ...setup, settings, argv, entries, contents }, this.store())
  }

  /** Loads the files below a path, as far as they do not take too much memory; answers which. */
  async preload(root: string): Promise<ReadonlyArray<string>> {
    const { files } = this
    const paths: Array<string> = []
    let room = preloaded
    const found = manifest(files).filter((entry) => entry.kind === "file" && within(root, entry.path))
    for (const { path, size } of found.sort((a, b) => a.size - b.size)) {
      room -= size
      if (room >= 0) paths.push(path)
    }
    for (let at = 0; at < paths.length; at += atOnce) {
      await Promise.all(paths.slice(at, at + atOnce).map((path) => files.load(path)))
    }
    return paths
  }

  /** Sends what was changed. */
  async close(): Promise<void> {
    this.isOpen = false
    await this.mount.flush(this.host)
    this.mount.release(warm)
  }

  private store(): Store {
    const { files, cancelled } = this
    return {
      read: async (path) => {
        await files.load(path)
        return files.readFile(path)
      },
      write: async (changes) => {
        // The files of the next task are not this program's.
        if (!this.isOpen) throw new Error("the command has ended")
        apply(files, changes)
      },
      cancelled: () => new Promise((resolve) => cancelled.addEventListener("abort", () => resolve()))
    }
  }
}
