import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import { maskEverywhere } from "../../src/domain/AnthropicKey.ts"
import type { EventId } from "../../src/domain/Ids.ts"
import { CurrentToolUse, NetworkClosed } from "../../src/EgressPolicy.ts"
import {
  InvalidPattern,
  limits,
  SandboxBackend,
  type SandboxError,
  SandboxUnavailable,
  SandboxVariables,
  workspaceRoot
} from "../../src/SandboxBackend.ts"
import { Workspace, type WorkspaceChange } from "../../src/Workspace.ts"
import type { Host, Network, Request, Settings, Shell, ShellState } from "./isolate/Protocol.ts"
import * as WorkspaceFiles from "./WorkspaceFiles.ts"

/** Where the shell of a session runs. */
export interface Machine<Way extends Network> {
  /** The shell, started where none runs. */
  readonly shell: () => Shell
  /** Makes an object callable from where the shell runs. */
  readonly capability: (host: Host) => Host
  /** What is sent on behalf of a tool call, or of nobody that is known. */
  readonly network: (toolUse: EventId | null) => Way
  /** Refuses whatever is sent. */
  readonly noNetwork: () => Way
  readonly run: (network: Way) => Host["run"]
  /** Gives up the shell that runs, so that the next call starts another. */
  readonly renew: () => void
}

const settings: Omit<Settings, "variables"> = {
  root: workspaceRoot,
  files: WorkspaceFiles.fileLimits,
  output: limits.output
}

const start: ShellState = { cwd: workspaceRoot, env: {} }

/** Milliseconds beyond a time limit after which a shell counts as hung: it ends its commands by itself. */
const patience = 5_000

/** Milliseconds that a command may take to stop once nobody waits for it. */
const farewell = 2_000

const grepTimeout = 60_000

/** A sandbox whose files are the session's workspace and whose shell runs on `machine`: one command at a time. */
export const make = Effect.fnUntraced(function* <Way extends Network>(machine: Machine<Way>) {
  const workspace = yield* Workspace
  const files = yield* WorkspaceFiles.make
  const runPromise = Effect.runPromiseWith(yield* Effect.context())
  const variables = yield* SandboxVariables
  const turn = yield* Semaphore.make(1)
  let state = start

  /**
   * Asks the shell and keeps what it changed, all at once. Where the caller is interrupted meanwhile, the command is stopped and what it
   * did is kept too. Nothing is kept of a shell that died.
   */
  const ask = Effect.fnUntraced(
    function* <A>(
      operation: SandboxError["operation"],
      timeout: number,
      call: (shell: Shell, request: Request, host: Host, network: Network) => Promise<A>
    ) {
      const network = (yield* NetworkClosed) ? machine.noNetwork() : machine.network(yield* CurrentToolUse)
      const entries = yield* WorkspaceFiles.stored(operation, workspace.entries)
      const given = yield* Effect.mapError(variables, ({ message }) =>
        WorkspaceFiles.failed(operation, new SandboxUnavailable({ detail: message }))
      )
      const changes: Array<WorkspaceChange> = []
      const cancelled = Promise.withResolvers<void>()
      const host = machine.capability({
        read: (path) => runPromise(workspace.read(path)).then(Option.getOrNull),
        write: async (part) => {
          for (const change of part) changes.push(change)
        },
        run: machine.run(network),
        cancelled: () => cancelled.promise
      })
      const answer = (async () =>
        call(machine.shell(), { settings: { ...settings, variables: given }, entries, timeout }, host, network))()
      const answered = Effect.tryPromise({
        try: () => settled(answer, timeout + patience),
        catch: (cause) => WorkspaceFiles.failed(operation, new SandboxUnavailable({ detail: String(cause) }))
      }).pipe(Effect.tapError(() => Effect.sync(machine.renew)))
      return yield* Effect.uninterruptibleMask(
        Effect.fnUntraced(function* (restore) {
          const exit = yield* Effect.exit(restore(answered))
          cancelled.resolve()
          const isDone = Exit.isSuccess(exit) || (Exit.hasInterrupts(exit) && (yield* isSettled(answer, farewell)))
          if (isDone) yield* files.commit(operation, changes)
          return yield* exit
        })
      )
    },
    (effect) => turn.withPermit(effect)
  )

  return SandboxBackend.of({
    exec: Effect.fn("SandboxBackend.exec")(function* (command, options) {
      const reply = yield* ask("exec", timeoutOf(options), (shell, request, host, network) =>
        shell.exec({ ...request, command, state }, host, network)
      )
      // Where agent code has put one together, the next command does not find it.
      state = maskEverywhere(reply.state)
      return reply.result
    }),
    runCode: Effect.fn("SandboxBackend.runCode")(function* (code, options) {
      return yield* ask("runCode", timeoutOf(options), (shell, request, host) =>
        shell.runCode({ ...request, code }, host)
      )
    }),
    restart: Effect.sync(() => {
      state = start
    }).pipe(Effect.withSpan("SandboxBackend.restart")),
    release: Effect.sync(() => {
      machine.renew()
      state = start
    }).pipe(Effect.withSpan("SandboxBackend.release")),
    readFile: files.readFile,
    writeFile: files.writeFile,
    list: files.list,
    glob: files.glob,
    grep: Effect.fn("SandboxBackend.grep")(function* (pattern, path = workspaceRoot) {
      const at = yield* files.find("grep", path)
      const reply = yield* ask("grep", grepTimeout, (shell, request, host) =>
        shell.grep({ ...request, pattern, path: at, matches: limits.grepMatches }, host)
      )
      if ("matches" in reply) return reply.matches
      return yield* WorkspaceFiles.failed("grep", new InvalidPattern({ pattern, detail: reply.invalid }))
    })
  })
})

const timeoutOf = (options: { readonly timeout?: number } | undefined): number =>
  Math.max(1, Math.min(options?.timeout ?? limits.execTimeout, limits.maxExecTimeout))

/** In the time of the shell, which is real also where a test has stopped the clock. */
const settled = <A>(promise: Promise<A>, within: number): Promise<A> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${within} ms`)), within)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })

const isSettled = (promise: Promise<unknown>, within: number) =>
  Effect.promise(() =>
    settled(promise, within).then(
      () => true,
      () => false
    )
  )
