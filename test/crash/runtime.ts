import { fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Order, Serve } from "./serve.ts"

export interface Runtime {
  readonly url: string
  /** When it served, on the clock of `performance.now()`. */
  readonly readyAt: number
  readonly order: (order: Order) => void
  /** Ends the runtime as a power cut would: nothing in it is told. */
  readonly kill: () => Promise<void>
}

/** Starts the Worker in a process of its own, at the head of a group that holds the runtime too. */
export const start = async (serve: Serve): Promise<Runtime> => {
  const child = fork(join(import.meta.dirname, "serve.ts"), {
    detached: true,
    // A runtime that is killed leaves its own temporary files: they go where the rest of it is.
    env: { ...process.env, TMPDIR: serve.folder, CLOUDFLARE_CF_FETCH_ENABLED: "false" }
  })
  const exited = once(child, "exit")
  const ready = new Promise<string>((resolve, reject) => {
    child.once("message", ({ url }: { readonly url: string }) => resolve(url))
    child.once("exit", (code) => reject(new Error(`the runtime ended with ${code} before it served`)))
  })
  child.send(serve)
  const url = await ready
  return {
    url,
    readyAt: performance.now(),
    order: (order) => void child.send(order),
    kill: async () => {
      process.kill(-child.pid!, "SIGKILL")
      await exited
    }
  }
}
