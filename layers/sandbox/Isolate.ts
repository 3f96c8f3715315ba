import { RpcTarget } from "cloudflare:workers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { EventId } from "../../src/domain/Ids.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import type { Workspace } from "../../src/Workspace.ts"
import * as Backend from "./Backend.ts"
import bundle from "./isolate/isolate.shell.txt"
import type { Ended, Host, Job, Program, Shell, Store } from "./isolate/Protocol.ts"

/** What `scripts/build-shell.ts` writes: the modules of the two kinds of isolates, and a hash of all of it. */
interface Code {
  readonly hash: string
  readonly shell: string
  /** A module of the shell's isolate. */
  readonly git: string
  readonly runner: string
}

let parsed: Code | undefined

/** Parsed when a sandbox is first used: it is long, and many sessions never use theirs. */
const code = (): Code => (parsed ??= JSON.parse(bundle) as Code)

interface Runner {
  run(program: Program, job: Job, files: Store): Promise<Ended>
}

/** Milliseconds of CPU for one call of an isolate, where the platform counts them. */
const cpuMs = 30_000

/**
 * A shell in a Dynamic Worker per session that stays warm, and a fresh Dynamic Worker for every run of JavaScript. They hold no bindings.
 * The files come through a capability that is passed with each call; `outbound` is the only network of a run, and passed to the shell with
 * each command, which has no other.
 */
export const layer = (options: {
  readonly loader: WorkerLoader
  /** The gateway, for what is sent on behalf of a tool call. */
  readonly outbound: (toolUse: EventId | null, isClosed?: boolean) => Fetcher
  readonly sessionId: string
}): Layer.Layer<SandboxBackend, never, Workspace> =>
  Layer.effect(
    SandboxBackend,
    Effect.suspend(() => {
      const { loader, outbound, sessionId } = options
      let generation = 0
      return Backend.make({
        // What an entrypoint serves is not in its type.
        shell: () =>
          loader
            .get(`${sessionId}/${code().hash}/${generation}`, () =>
              worker(null, code().shell, { "~git.js": code().git })
            )
            .getEntrypoint() as unknown as Shell,
        capability: (host) => new HostCapability(host),
        network: outbound,
        noNetwork: () => outbound(null, true),
        run: (network) => (program, job, files) =>
          (loader.load(worker(network, code().runner, modulesOf(program))).getEntrypoint() as unknown as Runner).run(
            program,
            job,
            files
          ),
        renew: () => {
          generation++
        }
      })
    })
  )

/** A name that no module of a program has. */
const mainModule = "~main.js"

const worker = (
  outbound: Fetcher | null,
  main: string,
  modules: WorkerLoaderWorkerCode["modules"]
): WorkerLoaderWorkerCode => ({
  compatibilityDate: "2026-11-01",
  compatibilityFlags: ["nodejs_compat"],
  mainModule,
  modules: { [mainModule]: main, ...modules },
  env: {},
  globalOutbound: outbound,
  limits: { cpuMs }
})

const modulesOf = (program: Program): WorkerLoaderWorkerCode["modules"] =>
  Object.fromEntries(
    program.modules.flatMap((module): Array<[string, { js: string } | { cjs: string }]> => {
      if (module.kind === "broken") return []
      // A commonjs module of the runtime is sloppy, as a script is.
      const { name, text } = module
      return [[name, module.kind === "module" ? { js: `export default ${text}` } : { cjs: `module.exports = ${text}` }]]
    })
  )

class HostCapability extends RpcTarget implements Host {
  readonly #host: Host

  constructor(host: Host) {
    super()
    this.#host = host
  }

  read(path: string): Promise<Uint8Array | null> {
    return this.#host.read(path)
  }

  write(changes: Parameters<Host["write"]>[0]): Promise<void> {
    return this.#host.write(changes)
  }

  run(program: Program, job: Job, files: Store): Promise<Ended> {
    return this.#host.run(program, job, files)
  }

  cancelled(): Promise<void> {
    return this.#host.cancelled()
  }
}
