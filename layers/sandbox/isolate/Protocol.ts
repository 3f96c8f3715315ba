import type { ExecResult, GrepMatch } from "../../../src/SandboxBackend.ts"
import type { WorkspaceChange, WorkspaceEntry } from "../../../src/Workspace.ts"

/**
 * What crosses between the host (a Durable Object), the shell (a warm isolate) and a run of JavaScript (a fresh isolate). All of it survives a
 * structured clone, except the capabilities `Store` and `Host`, which are passed as RPC stubs.
 */

/** One side's files, as the other side may use them. */
export interface Store {
  /** Null where there is no such file. */
  read(path: string): Promise<Uint8Array | null>
  /** May be called several times with parts of one set of changes, each small enough for one message. */
  write(changes: ReadonlyArray<WorkspaceChange>): Promise<void>
  /** Settles when nobody waits for what is done with the files any more. */
  cancelled(): Promise<void>
}

/** What the shell may ask of the object that owns it; it has no other authority. */
export interface Host extends Store {
  /** Runs a program in an isolate of its own. */
  run(program: Program, job: Job, files: Store): Promise<Ended>
}

export interface FileLimits {
  /** Bytes of one file. */
  readonly file: number
  /** Bytes of all files. */
  readonly total: number
}

export interface Settings {
  /** The folder whose files outlive the sandbox. */
  readonly root: string
  readonly files: FileLimits
  /** Bytes kept of each output. */
  readonly output: number
  /** Given to every command and program. */
  readonly variables: Readonly<Record<string, string>>
}

/** What a shell keeps from one command to the next. */
export interface ShellState {
  readonly cwd: string
  /** Exported variables. */
  readonly env: Readonly<Record<string, string>>
}

export interface Request {
  readonly settings: Settings
  readonly entries: ReadonlyArray<WorkspaceEntry>
  /** Milliseconds. */
  readonly timeout: number
}

export interface ExecRequest extends Request {
  readonly command: string
  readonly state: ShellState
}

export interface CodeRequest extends Request {
  readonly code: string
}

export interface GrepRequest extends Request {
  readonly pattern: string
  readonly path: string
  readonly matches: number
}

export interface ExecReply {
  readonly result: ExecResult
  readonly state: ShellState
}

export type GrepReply = { readonly matches: ReadonlyArray<GrepMatch> } | { readonly invalid: string }

export interface Shell {
  exec(request: ExecRequest, host: Host): Promise<ExecReply>
  runCode(request: CodeRequest, host: Host): Promise<ExecResult>
  grep(request: GrepRequest, host: Host): Promise<GrepReply>
}

/** A module of a program: the text of a function that runs it (see Instrument), or why there is none. */
export type Module =
  | { readonly path: string; readonly kind: "module" | "commonjs"; readonly name: string; readonly text: string }
  | { readonly path: string; readonly kind: "broken"; readonly error: string }

export interface Program {
  readonly entry: string
  readonly modules: ReadonlyArray<Module>
}

/** How a program is run. */
export interface Job {
  readonly settings: Settings
  readonly argv: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly stdin: Uint8Array
  readonly entries: ReadonlyArray<WorkspaceEntry>
  /** Files that can be read without waiting, by path. */
  readonly contents: ReadonlyMap<string, Uint8Array>
  /** Milliseconds until it must have ended. */
  readonly timeout: number
}

export interface Ended {
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  readonly exitCode: number
  readonly timedOut: boolean
}

/** Bytes of file content in one message, well below the 32 MiB that RPC carries. */
export const messageBytes = 8 * 1024 * 1024
