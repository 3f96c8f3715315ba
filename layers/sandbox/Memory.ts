import { extname } from "node:path"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SandboxBackend, workspaceRoot } from "../../src/SandboxBackend.ts"
import type { Workspace } from "../../src/Workspace.ts"
import * as Backend from "./Backend.ts"
import type { Ended, Host, Store } from "./isolate/Protocol.ts"
import { Shell } from "./isolate/Shell.ts"
import type { Answer, Call, Message } from "./MemoryRunner.ts"

const maxRedirects = 20

/** Milliseconds beyond its time limit after which a program is ended from outside. */
const patience = 1_500

/**
 * The shell of the isolate backend in this process, and its programs in threads of Node: for tests. `fetch` is their only network, and
 * without it they have none. Keeps programs to their files and their time, but is no fence against code that means harm.
 */
export const layer = (
  options: { readonly fetch?: (request: Request) => Promise<Response> } = {}
): Layer.Layer<SandboxBackend, never, Workspace> =>
  Layer.effect(
    SandboxBackend,
    Effect.suspend(() => {
      const fetch = following(options.fetch ?? refuse)
      let shell: Shell | undefined
      return Backend.make({
        shell: () => (shell ??= new Shell(workspaceRoot, () => import("./isolate/git/Git.ts"))),
        capability: (host) => host,
        network: () => ({ fetch: (url, init) => fetch(new Request(url, init)) }),
        run: () => runner(fetch),
        renew: () => {
          shell = undefined
        }
      })
    })
  )

type Fetch = (request: Request) => Promise<Response>

const refuse: Fetch = () => Promise.reject(new Error("there is no network"))

/** Follows redirections as `fetch` does. */
const following =
  (fetch: Fetch): Fetch =>
  async (first) => {
    let request = first
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const response = await fetch(request.clone())
      const location = response.headers.get("location")
      if (request.redirect !== "follow" || location === null || response.status < 300 || response.status > 399)
        return response
      const keeps = response.status >= 307 || request.method === "GET" || request.method === "HEAD"
      const next = new URL(location, request.url).href
      request = keeps ? new Request(next, request) : new Request(next, { headers: request.headers })
    }
    throw new Error("too many redirects")
  }

const runner =
  (fetch: Fetch): Host["run"] =>
  (program, job, files) =>
    new Promise<Ended>((resolve, reject) => {
      const worker = new Worker(`${import.meta.dirname}/MemoryRunner${extname(import.meta.filename)}`, {
        workerData: { program, job },
        env: {},
        execArgv: ["--no-warnings"]
      })
      const end = (settle: () => void): void => {
        clearTimeout(alarm)
        void worker.terminate()
        settle()
      }
      const alarm = setTimeout(
        () => end(() => resolve({ stdout: new Uint8Array(), stderr: new Uint8Array(), exitCode: 124, timedOut: true })),
        job.timeout + patience
      )
      worker.on("message", (message: Message) => {
        if ("ended" in message) return end(() => resolve(message.ended))
        const { id, call } = message
        void answer(fetch, files, call)
          .then(
            (value): Answer => ({ id, value }),
            (error: unknown): Answer => ({ id, error: String(error) })
          )
          .then((reply) => worker.postMessage(reply, []))
      })
      worker.on("error", (error) => end(() => reject(error)))
      worker.on("exit", () => end(() => reject(new Error("the thread of the program ended"))))
    })

const answer = async (fetch: Fetch, files: Store, call: Call): Promise<unknown> => {
  switch (call.method) {
    case "read":
      return files.read(call.path)
    case "write":
      return files.write(call.changes)
    case "cancelled":
      return files.cancelled()
    case "fetch": {
      const response = await fetch(new Request(call.url, call.init))
      const { status, statusText, headers } = response
      return { status, statusText, headers: [...headers], body: new Uint8Array(await response.arrayBuffer()) }
    }
  }
}
