import { WorkerEntrypoint } from "cloudflare:workers"
import type { Ended, Job, Program, Store } from "./Protocol.ts"
import { run } from "./run/Run.ts"

/** Runs one program, whose modules are modules of this isolate beside this one. */
export default class Runner extends WorkerEntrypoint {
  run(program: Program, job: Job, files: Store): Promise<Ended> {
    const { getBuiltinModule } = process
    return run(program, job, files, {
      evaluate: async ({ name }) => ((await import(name)) as { readonly default: unknown }).default,
      builtin: (name) => getBuiltinModule(name) as object | undefined,
      onRejection: (listener) =>
        addEventListener("unhandledrejection", (event) => {
          event.preventDefault()
          listener(event.reason)
        })
    })
  }
}
