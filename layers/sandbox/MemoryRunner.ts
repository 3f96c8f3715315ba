import { enableCompileCache } from "node:module"
import { Script } from "node:vm"
import { parentPort, workerData } from "node:worker_threads"
import type { WorkspaceChange } from "../../src/Workspace.ts"
import type { Ended, Job, Program } from "./isolate/Protocol.ts"

/** What a program's thread asks of the thread that started it. */
export type Call =
  | { readonly method: "read"; readonly path: string }
  | { readonly method: "write"; readonly changes: ReadonlyArray<WorkspaceChange> }
  | { readonly method: "cancelled" }
  | {
      readonly method: "fetch"
      readonly url: string
      readonly init: {
        readonly method: string
        readonly headers: Array<[string, string]>
        readonly redirect: Request["redirect"]
        readonly body: Uint8Array<ArrayBuffer> | null
      }
    }

export type Message = { readonly id: number; readonly call: Call } | { readonly ended: Ended }

export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string })

interface Fetched {
  readonly status: number
  readonly statusText: string
  readonly headers: Array<[string, string]>
  readonly body: Uint8Array<ArrayBuffer>
}

// Threads start often: this makes them five times as fast.
enableCompileCache()
const { run } = await import("./isolate/run/Run.ts")

// This file is the main module of a thread that Memory starts.
const port = parentPort!
const { program, job } = workerData as { readonly program: Program; readonly job: Job }

const waiting = new Map<number, PromiseWithResolvers<unknown>>()
let lastId = 0

port.on("message", (answer: Answer) => {
  const { resolve, reject } = waiting.get(answer.id)!
  waiting.delete(answer.id)
  if ("error" in answer) reject(new Error(answer.error))
  else resolve(answer.value)
})

/** `A` is what Memory answers to such a call. */
const ask = <A>(call: Call): Promise<A> => {
  const answer = Promise.withResolvers<unknown>()
  waiting.set(++lastId, answer)
  port.postMessage({ id: lastId, call } satisfies Message)
  return answer.promise as Promise<A>
}

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  const { status, statusText, headers, body } = await ask<Fetched>({
    method: "fetch",
    url: request.url,
    init: {
      method: request.method,
      headers: [...request.headers],
      redirect: request.redirect,
      body: request.body === null ? null : new Uint8Array(await request.arrayBuffer())
    }
  })
  return new Response(body.length === 0 ? null : body, { status, statusText, headers })
}

// As in an isolate, no text becomes code. Node loads what belongs to fetch when it is first used, and must not meet these.
void Response
const blocked = function (): never {
  throw new EvalError("Code generation from strings disallowed for this context")
}
blocked.prototype = Function.prototype
for (const make of [() => {}, async () => {}, function* () {}, async function* () {}]) {
  Object.defineProperty(Object.getPrototypeOf(make), "constructor", { value: blocked })
}
Object.assign(globalThis, { eval: blocked, Function: blocked })

// The program's own process takes the place of this one.
const { process } = globalThis

const ended = await run(
  program,
  job,
  {
    read: (path) => ask({ method: "read", path }),
    write: (changes) => ask({ method: "write", changes }),
    cancelled: () => ask({ method: "cancelled" })
  },
  {
    evaluate: async ({ kind, name, text }) => {
      const code = kind === "module" ? `"use strict"; (function () { return ${text}\n})()` : `(${text}\n)`
      return new Script(code, { filename: name }).runInThisContext() as unknown
    },
    builtin: (name) => process.getBuiltinModule(name),
    onRejection: (listener) => void process.on("unhandledRejection", listener)
  }
)
port.postMessage({ ended } satisfies Message)
