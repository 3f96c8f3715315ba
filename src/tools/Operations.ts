import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { timestamp } from "../domain/Common.ts"
import type { SandboxOperation } from "../domain/Event.ts"
import type { SandboxBackend, SandboxError } from "../SandboxBackend.ts"

/** Operations of one call that are noted; what comes after them is not. */
const most = 50

/** Where what a call does in the sandbox is noted. */
export const Operations = Context.Reference<Array<SandboxOperation> | null>("ownloop/tools/Operations", {
  defaultValue: () => null
})

/** The same sandbox, of whose operations those are noted that belong to a call. */
export const noting = (sandbox: SandboxBackend["Service"]): SandboxBackend["Service"] => {
  const note = <A>(name: string, effect: Effect.Effect<A, SandboxError>): Effect.Effect<A, SandboxError> =>
    Effect.gen(function* () {
      const operations = yield* Operations
      const start = yield* Clock.currentTimeMillis
      const end = (failed: { readonly error?: string }) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          if (operations === null || operations.length === most) return
          operations.push({ name, started_at: timestamp(start), milliseconds: now - start, ...failed })
        })
      return yield* Effect.tapError(
        Effect.tap(effect, () => end({})),
        ({ reason }) => end({ error: reason._tag })
      )
    })
  return {
    ...sandbox,
    exec: (...input) => note("exec", sandbox.exec(...input)),
    runCode: (...input) => note("runCode", sandbox.runCode(...input)),
    restart: note(
      "restart",
      Effect.suspend(() => sandbox.restart)
    ),
    readFile: (...input) => note("readFile", sandbox.readFile(...input)),
    writeFile: (...input) => note("writeFile", sandbox.writeFile(...input)),
    list: (...input) => note("list", sandbox.list(...input)),
    glob: (...input) => note("glob", sandbox.glob(...input)),
    grep: (...input) => note("grep", sandbox.grep(...input))
  }
}
