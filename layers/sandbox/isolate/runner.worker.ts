import { WorkerEntrypoint } from "cloudflare:workers"
import type { Ended, Job, Program, Store } from "./Protocol.ts"
import { run } from "./run/Run.ts"

/** Runs one program, whose modules are modules of this isolate beside this one. */
export default class Runner extends WorkerEntrypoint {
  run(program: Program, job: Job, files: Store): Promise<Ended> {
    // The program's own process takes the place of this one.
    const { process } = globalThis
    return run(program, job, files, {
      evaluate: async ({ name }) => ((await import(name)) as { readonly default: unknown }).default,
      builtin: (name) => process.getBuiltinModule(name),
      onRejection: (listener) =>
        addEventListener("unhandledrejection", (event) => {
          event.preventDefault()
          listener(event.reason)
        })
    })
  }
}
