import { Buffer } from "node:buffer"
import {
  Bash,
  type BashExecResult,
  type BashOptions,
  type Command,
  type CommandName,
  getCommandNames
} from "just-bash/browser"
import type { ExecResult } from "../../../src/SandboxBackend.ts"
import { makeFetch } from "./Curl.ts"
import { Files } from "./Files.ts"
import { Mount } from "./Mount.ts"
import { runCode, runNode, type Setup } from "./Node.ts"
import { cut } from "./Output.ts"
import type {
  CodeRequest,
  Ended,
  ExecReply,
  ExecRequest,
  GrepReply,
  GrepRequest,
  Host,
  Request,
  Settings,
  Shell as Contract,
  ShellState
} from "./Protocol.ts"
import { matchesOf } from "./Ripgrep.ts"
import { ShellFiles } from "./ShellFiles.ts"

/** Bytes of file contents that stay loaded between commands. */
const warm = 32 * 1024 * 1024

/** Milliseconds that a program may take to end after its time is up, so that its output and files are not lost. */
const grace = 1_000

/** Listed by just-bash, and then refused where it runs in an isolate. */
const missing: ReadonlyArray<string> = ["tar", "yq", "xan", "sqlite3", "python3", "python"]

const commands: Array<CommandName> = getCommandNames().filter((name) => !missing.includes(name)) as Array<CommandName>

/** A shell over a session's files. One command at a time. */
export class Shell implements Contract {
  private readonly fetch: typeof globalThis.fetch
  private readonly files = new Files({ file: 0, total: 0 })
  private readonly mount: Mount

  /** `root` is the folder whose files the host keeps. */
  constructor(root: string, fetch: typeof globalThis.fetch) {
    this.fetch = fetch
    this.mount = new Mount(this.files, root)
    this.files.mkdir("/tmp")
  }

  async exec(request: ExecRequest, host: Host): Promise<ExecReply> {
    const { settings, timeout, state } = request
    this.open(request, host)
    const deadline = Date.now() + timeout
    const stop = new AbortController()
    const alarm = setTimeout(() => stop.abort(), timeout)
    // The host lets go of the stub once it has its answer.
    void host.cancelled().then(
      () => stop.abort(),
      () => undefined
    )
    const runs: Array<Promise<Ended>> = []
    const bash = this.bash(settings, state, timeout, stop.signal, [
      {
        name: "node",
        execute: async (args, { cwd, exportedEnv, stdin }) => {
          const run = runNode(this.files, host, args, {
            settings,
            cwd,
            env: exportedEnv ?? {},
            // Each character of just-bash's input is a byte.
            stdin: Buffer.from(stdin as unknown as string, "latin1"),
            timeout: Math.max(1, deadline - Date.now())
          })
          runs.push(run)
          return commandResult(await run)
        }
      }
    ])
    const result = await execute(bash, request.command, stop.signal)
    clearTimeout(alarm)
    const timedOut = result.exitCode === 124 && (Date.now() >= deadline || stop.signal.aborted)
    const stopped = timedOut ? await Promise.race([Promise.all(runs), sleep(grace)]).catch(() => undefined) : undefined
    await this.close(host)
    return {
      result: timedOut
        ? // just-bash forgets what was printed before; programs do not.
          resultOf(settings, { ...(stopped?.at(-1) ?? none), exitCode: 124, timedOut })
        : outcome(settings, result.stdout, result.stderr, result.exitCode, false),
      state: stateAfter(bash, result, state)
    }
  }

  async runCode(request: CodeRequest, host: Host): Promise<ExecResult> {
    const { settings, timeout } = request
    this.open(request, host)
    const setup: Setup = {
      settings,
      cwd: settings.root,
      env: environment(settings, {}),
      stdin: new Uint8Array(),
      timeout
    }
    const ended = await runCode(this.files, host, request.code, true, [], setup)
    await this.close(host)
    return resultOf(settings, ended)
  }

  async grep(request: GrepRequest, host: Host): Promise<GrepReply> {
    const { settings, timeout, pattern, path } = request
    this.open(request, host)
    const bash = this.bash(settings, { cwd: settings.root, env: {} }, timeout, AbortSignal.timeout(timeout), [])
    const args = ["--json", "--hidden", "--no-ignore", "--sort", "path", `--regexp=${pattern}`, path]
    const { exitCode, stdout, stderr } = await bash.exec("rg", { args })
    this.mount.release(warm)
    return exitCode <= 1 ? { matches: matchesOf(stdout, request.matches) } : { invalid: stderr.trim() }
  }

  private open({ entries, settings }: Request, host: Host): void {
    this.files.limits = settings.files
    this.mount.open(entries, host)
  }

  private async close(host: Host): Promise<void> {
    await this.mount.flush(host)
    this.mount.release(warm)
  }

  /** A new one for every command: just-bash keeps marks of what was exported from one to the next. */
  private bash(
    settings: Settings,
    state: ShellState,
    timeout: number,
    stop: AbortSignal,
    customCommands: Array<Command>
  ): Bash {
    return new Bash({
      fs: new ShellFiles(this.files),
      cwd: this.files.exists(state.cwd) ? state.cwd : settings.root,
      env: environment(settings, state.env),
      fetch: makeFetch(this.fetch, settings.files.file, stop),
      sleep: (ms) => sleep(ms, stop),
      commands,
      customCommands,
      executionLimits: { maxExecutionTimeMs: timeout, maxExtensionCleanupTimeMs: grace },
      // It would take away globals of the isolate, which holds nothing to protect.
      defenseInDepth: false
    } satisfies BashOptions)
  }
}

const none: Ended = { stdout: new Uint8Array(), stderr: new Uint8Array(), exitCode: 124, timedOut: true }

const execute = async (bash: Bash, command: string, signal: AbortSignal): Promise<Omit<BashExecResult, "metadata">> => {
  try {
    return await bash.exec(command, { rawScript: true, signal })
  } catch (error) {
    return { stdout: "", stderr: `bash: ${String(error)}\n`, exitCode: 1, env: bash.getEnv() }
  }
}

const environment = (settings: Settings, env: ShellState["env"]): Record<string, string> => ({
  HOME: settings.root,
  USER: "user",
  ...env
})

/** Where the shell stands now. A command that called `exit`, or was stopped, leaves it where it was. */
const stateAfter = (
  bash: Bash,
  result: { readonly env: Readonly<Record<string, string>> },
  before: ShellState
): ShellState => {
  // just-bash tells all variables, and only here which of them are exported.
  const { exportedVars } = (bash as unknown as { readonly state: { readonly exportedVars: ReadonlySet<string> } }).state
  const env = Object.entries(result.env).filter(([name]) => exportedVars.has(name) && name !== "PWD")
  return { cwd: result.env["PWD"] ?? before.cwd, env: Object.fromEntries(env) }
}

const commandResult = ({ stdout, stderr, exitCode }: Ended) => ({
  stdout: Buffer.from(stdout).toString("latin1"),
  stdoutKind: "bytes" as const,
  stderr: Buffer.from(stderr).toString(),
  exitCode
})

const resultOf = (settings: Settings, { stdout, stderr, exitCode, timedOut }: Ended): ExecResult =>
  outcome(settings, Buffer.from(stdout).toString(), Buffer.from(stderr).toString(), exitCode, timedOut)

const outcome = (
  settings: Settings,
  stdout: string,
  stderr: string,
  exitCode: number,
  timedOut: boolean
): ExecResult => {
  const out = cut(stdout, settings.output)
  const err = cut(stderr, settings.output)
  return { stdout: out.text, stderr: err.text, exitCode, timedOut, truncated: out.truncated || err.truncated }
}

const sleep = (ms: number, stop?: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms)
    stop?.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve(undefined)
    })
  })
