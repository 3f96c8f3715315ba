import { type ChildProcess, fork } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"

export interface Server {
  readonly url: string
  readonly process: ChildProcess
}

/** Starts a module of this folder in a process of its own, which says when it serves and ends when this one does. */
export const start = async (module: string, message?: object): Promise<Server> => {
  const child = fork(join(import.meta.dirname, module), {
    env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false" }
  })
  const ready = new Promise<{ readonly url: string }>((resolve, reject) => {
    child.once("message", (message: { readonly url: string }) => resolve(message))
    child.once("exit", (code) => reject(new Error(`${module} ended with ${code} before it served`)))
  })
  if (message !== undefined) child.send(message)
  return { ...(await ready), process: child }
}

export const stop = async ({ process: child }: Server): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once("exit", resolve))
  child.disconnect()
  await ended
}

export interface Usage {
  readonly rssMiB: number
  readonly cpuMs: number
}

/** What the runtime below a server uses; undefined on systems that do not tell (other than Linux). */
export const usage = ({ process: { pid } }: Server): Usage | undefined => {
  try {
    const [runtime] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")
    const status = readFileSync(`/proc/${runtime}/status`, "utf8")
    const stat = readFileSync(`/proc/${runtime}/stat`, "utf8")
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return {
      rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
      // User and system time, in ticks of 10 ms.
      cpuMs: (Number(ticks[11]) + Number(ticks[12])) * 10
    }
  } catch {
    return undefined
  }
}
