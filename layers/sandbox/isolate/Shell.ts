import { Buffer } from "node:buffer"
import { Bash, type BashExecResult, type Command, type CommandName, getCommandNames } from "just-bash/browser"
import type { ExecResult } from "../../../src/SandboxBackend.ts"
import { makeFetch } from "./Curl.ts"
import type * as Git from "./git/Git.ts"
import { Files } from "./Files.ts"
import { Mount } from "./Mount.ts"
import { runCode, runNode } from "./Node.ts"
import { resultOf } from "./Output.ts"
import type * as Protocol from "./Protocol.ts"
import { matchesOf } from "./Ripgrep.ts"
import { ShellFiles } from "./ShellFiles.ts"
import { Task } from "./Task.ts"

/** Milliseconds that a program may take to end after its time is up, so that its output and files are not lost. */
const grace = 1_000

/** Listed by just-bash, and then refused where it runs in an isolate. */
const missing: ReadonlyArray<string> = ["tar", "yq", "xan", "sqlite3", "python3", "python"]

/** The names that `getCommandNames` gives are those that the option `commands` takes. */
const commands = getCommandNames().filter((name) => !missing.includes(name)) as Array<CommandName>

/** A shell over a session's files, one request at a time. */
export class Shell implements Protocol.Shell {
  private readonly loadGit: () => Promise<Pick<typeof Git, "run">>
  private readonly files = new Files({ file: 0, total: 0 })
  private readonly mount: Mount

  /** `root` is the folder whose files the host keeps. `loadGit` is asked when `git` is first run: many shells never do. */
  constructor(root: string, loadGit: () => Promise<Pick<typeof Git, "run">>) {
    this.loadGit = loadGit
    this.mount = new Mount(this.files, root)
    this.files.mkdir("/tmp")
  }

  async exec(
    request: Protocol.ExecRequest,
    host: Protocol.Host,
    network: Protocol.Network
  ): Promise<Protocol.ExecReply> {
    const { settings, timeout, state } = request
    const task = this.open(request, host)
    const deadline = Date.now() + timeout
    const alarm = new AbortController()
    const timer = setTimeout(() => alarm.abort(), timeout)
    const stop = AbortSignal.any([alarm.signal, task.cancelled])
    const runs: Array<Promise<Protocol.Ended>> = []
    const node: Command = {
      name: "node",
      execute: async (args, { cwd, exportedEnv, stdin }) => {
        const run = runNode(task, args, {
          cwd,
          env: exportedEnv ?? {},
          // Each character of just-bash's input is a byte.
          stdin: Buffer.from(stdin as unknown, "latin1"),
          timeout: Math.max(1, deadline - Date.now())
        })
        runs.push(run)
        return commandResult(await run)
      }
    }
    const git: Command = {
      name: "git",
      execute: async (args, { cwd, exportedEnv }) => {
        const { run } = await this.loadGit()
        return run(args, { files: this.files, network, cwd, env: exportedEnv ?? {}, stop })
      }
    }
    const bash = this.bash(settings, state, timeout, stop, network, [node, git])
    const result = await execute(bash, request.command, stop)
    clearTimeout(timer)
    const timedOut = result.exitCode === 124 && (alarm.signal.aborted || Date.now() >= deadline)
    const ended = timedOut ? await lastOf(runs) : undefined
    await task.close()
    return {
      result: resultOf(settings.output, timedOut ? { ...nothing, ...ended, exitCode: 124, timedOut } : encode(result)),
      state: stateAfter(bash, result, state, settings.variables)
    }
  }

  async runCode(request: Protocol.CodeRequest, host: Protocol.Host): Promise<ExecResult> {
    const { settings, timeout, code } = request
    const task = this.open(request, host)
    const env = environment(settings, {})
    const ended = await runCode(task, code, true, [], { cwd: settings.root, env, stdin: new Uint8Array(), timeout })
    await task.close()
    return resultOf(settings.output, ended)
  }

  async grep(request: Protocol.GrepRequest, host: Protocol.Host): Promise<Protocol.GrepReply> {
    const { settings, timeout, pattern, path, matches } = request
    const task = this.open(request, host)
    const { cancelled } = task
    await task.preload(path)
    const bash = this.bash(settings, { cwd: settings.root, env: {} }, timeout, cancelled, noNetwork, [])
    const args = ["--json", "--hidden", "--no-ignore", "--sort", "path", `--regexp=${pattern}`, path]
    const { exitCode, stdout, stderr } = await bash.exec("rg", { args, signal: cancelled })
    return exitCode <= 1 ? { matches: matchesOf(stdout, matches) } : { invalid: stderr.trim() }
  }

  private open(request: Protocol.Request, host: Protocol.Host): Task {
    return new Task(this.files, this.mount, request, host)
  }

  /** A new one for every command: just-bash keeps marks of what was exported from one to the next. */
  private bash(
    settings: Protocol.Settings,
    state: Protocol.ShellState,
    timeout: number,
    stop: AbortSignal,
    network: Protocol.Network,
    customCommands: Array<Command>
  ): Bash {
    return new Bash({
      fs: new ShellFiles(this.files),
      cwd: this.files.exists(state.cwd) ? state.cwd : settings.root,
      env: environment(settings, state.env),
      fetch: makeFetch(network, settings.files.file, stop),
      sleep: (ms) => sleep(ms, stop),
      commands,
      customCommands,
      executionLimits: { maxExecutionTimeMs: timeout + slack, maxExtensionCleanupTimeMs: grace },
      // It would take away globals of the isolate, which holds nothing to protect.
      defenseInDepth: false
    })
  }
}

/** Milliseconds: just-bash has a clock of its own, and must not find the time up before this one does. */
const slack = 10

type Printed = Pick<BashExecResult, "stdout" | "stderr" | "exitCode" | "env">

const execute = async (bash: Bash, command: string, signal: AbortSignal): Promise<Printed> => {
  try {
    return await bash.exec(command, { rawScript: true, signal })
  } catch (error) {
    // A redirection that the file system refuses, such as one into a file that is too large.
    const reason = error instanceof Error ? error.message : String(error)
    return { stdout: "", stderr: `bash: ${reason}\n`, exitCode: 1, env: bash.getEnv() }
  }
}

const environment = (settings: Protocol.Settings, env: Protocol.ShellState["env"]): Record<string, string> => ({
  HOME: settings.root,
  USER: "user",
  ...settings.variables,
  ...env
})

/** Where the shell stands now. A command that called `exit`, or was stopped, leaves it where it was. */
const stateAfter = (
  bash: Bash,
  { env }: Printed,
  before: Protocol.ShellState,
  variables: Protocol.Settings["variables"]
): Protocol.ShellState => {
  // just-bash tells all variables, and only here which of them are exported.
  const { exportedVars } = (bash as unknown as { readonly state: { readonly exportedVars: ReadonlySet<string> } }).state
  // What was given is given anew to the next command.
  const exported = Object.entries(env).filter(
    ([name, value]) => exportedVars.has(name) && name !== "PWD" && variables[name] !== value
  )
  return { cwd: env["PWD"] ?? before.cwd, env: Object.fromEntries(exported) }
}

const nothing = { stdout: new Uint8Array(), stderr: new Uint8Array() }

/** just-bash forgets what a command printed before its time was up; its last program does not. */
const lastOf = async (runs: ReadonlyArray<Promise<Protocol.Ended>>): Promise<Protocol.Ended | undefined> => {
  const ended = Promise.all(runs).then(
    (all) => all.at(-1),
    () => undefined
  )
  return Promise.race([ended, sleep(grace)])
}

const noNetwork: Protocol.Network = { fetch: () => Promise.reject(new Error("there is no network")) }

const commandResult = ({ stdout, stderr, exitCode }: Protocol.Ended) => ({
  stdout: Buffer.from(stdout).toString("latin1"),
  stdoutKind: "bytes" as const,
  stderr: Buffer.from(stderr).toString(),
  exitCode
})

const encode = ({ stdout, stderr, exitCode }: Printed): Protocol.Ended => ({
  stdout: Buffer.from(stdout),
  stderr: Buffer.from(stderr),
  exitCode,
  timedOut: false
})

const sleep = (ms: number, stop?: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms)
    stop?.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve(undefined)
    })
  })
