import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** Where the session's files live in every backend; relative paths start here. Files elsewhere do not outlive the sandbox. */
export const workspaceRoot = "/workspace"

export const limits = {
  /** Milliseconds a command may run where the caller names no limit. */
  execTimeout: 120_000,
  /** Milliseconds at most, whatever the caller says. */
  maxExecTimeout: 600_000,
  /** Bytes kept of stdout and of stderr, each; the rest is cut and `truncated` says so. */
  output: 100 * 1024,
  /** Bytes of one file. */
  file: 10 * 1024 * 1024,
  /** Bytes of the whole workspace. */
  workspace: 256 * 1024 * 1024,
  /** Entries that `glob` answers. */
  globMatches: 200,
  /** Lines that `grep` answers. */
  grepMatches: 1_000
} as const

/** Exit code of a command that ran into its time limit, as of GNU `timeout`. */
export const timeoutExitCode = 124

export interface ExecResult {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
  readonly timedOut: boolean
  readonly truncated: boolean
}

export interface FileInfo {
  /** Absolute. */
  readonly path: string
  readonly kind: "file" | "directory" | "symlink"
  /** Bytes. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number
}

export interface GrepMatch {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly text: string
}

export class FileNotFound extends Schema.TaggedError<FileNotFound>()("FileNotFound", { path: Schema.String }) {}
export class NotAFile extends Schema.TaggedError<NotAFile>()("NotAFile", { path: Schema.String }) {}
export class FileTooLarge extends Schema.TaggedError<FileTooLarge>()("FileTooLarge", {
  path: Schema.String,
  bytes: Schema.Int,
  limit: Schema.Int
}) {}
export class WorkspaceFull extends Schema.TaggedError<WorkspaceFull>()("WorkspaceFull", { limit: Schema.Int }) {}
export class InvalidPath extends Schema.TaggedError<InvalidPath>()("InvalidPath", {
  path: Schema.String,
  detail: Schema.String
}) {}
export class InvalidPattern extends Schema.TaggedError<InvalidPattern>()("InvalidPattern", {
  pattern: Schema.String,
  detail: Schema.String
}) {}
/** The sandbox could not be started, or died: nothing is known of what it was doing. */
export class SandboxUnavailable extends Schema.TaggedError<SandboxUnavailable>()("SandboxUnavailable", {
  detail: Schema.String
}) {}

/** The sandbox began anew, with the files as they were last saved, or without any where they never were. Nothing of this call was done. */
export class WorkspaceLost extends Schema.TaggedError<WorkspaceLost>()("WorkspaceLost", {
  savedAt: Schema.NullOr(Schema.String)
}) {}

export class SandboxError extends Schema.TaggedError<SandboxError>()("SandboxError", {
  operation: Schema.Literals([
    "exec",
    "runCode",
    "readFile",
    "writeFile",
    "list",
    "glob",
    "grep",
    "restart",
    "release"
  ]),
  reason: Schema.Union([
    FileNotFound,
    NotAFile,
    FileTooLarge,
    WorkspaceFull,
    InvalidPath,
    InvalidPattern,
    SandboxUnavailable,
    WorkspaceLost
  ])
}) {
  override get message(): string {
    const reason = this.reason
    switch (reason._tag) {
      case "FileNotFound":
        return `${reason.path}: no such file or directory`
      case "NotAFile":
        return `${reason.path}: is a directory, not a file`
      case "FileTooLarge":
        return `${reason.path}: ${reason.bytes} bytes are more than the limit of ${reason.limit}`
      case "WorkspaceFull":
        return `the workspace is full: ${reason.limit} bytes at most`
      case "InvalidPath":
        return `${reason.path}: ${reason.detail}`
      case "InvalidPattern":
        return `${reason.pattern}: ${reason.detail}`
      case "SandboxUnavailable":
        return `the sandbox is unavailable: ${reason.detail}`
      case "WorkspaceLost":
        return reason.savedAt === null
          ? `the machine was lost with what was in it: ${workspaceRoot} is empty, and no process runs. Nothing was done: look before you go on`
          : `the machine was lost, and with it what was written since ${reason.savedAt}: ${workspaceRoot} is as it was then, and no process runs. Nothing was done: look before you go on`
    }
  }
}

/**
 * The session's own machine, as its tools see it. It is created at first use and holds no credential; its only way out is the egress gateway.
 * A command that fails, runs too long or prints too much is a result, not an error.
 */
export class SandboxBackend extends Context.Service<
  SandboxBackend,
  {
    /** Runs a shell command. The working directory and exported variables carry over to the next one. `timeout` is in milliseconds. */
    exec(command: string, options?: { readonly timeout?: number }): Effect.Effect<ExecResult, SandboxError>
    /** Runs JavaScript (an ES module, with top-level await) in the workspace. `timeout` is in milliseconds. */
    runCode(code: string, options?: { readonly timeout?: number }): Effect.Effect<ExecResult, SandboxError>
    /** Forgets the shell's working directory and variables; files stay. */
    readonly restart: Effect.Effect<void, SandboxError>
    /** Gives the sandbox up, with all that is in it alone; what is asked of it later starts another. */
    readonly release: Effect.Effect<void, SandboxError>
    readFile(path: string): Effect.Effect<Uint8Array, SandboxError>
    /** Makes the folders on the way. */
    writeFile(path: string, content: Uint8Array): Effect.Effect<void, SandboxError>
    /** The entries of one folder, by name. */
    list(path: string): Effect.Effect<ReadonlyArray<FileInfo>, SandboxError>
    /** Files below `path` (the workspace where absent) that match, newest first; at most `limits.globMatches`. */
    glob(pattern: string, path?: string): Effect.Effect<ReadonlyArray<FileInfo>, SandboxError>
    /** Lines that match an RE2 pattern in `path`, a file or a folder (the workspace where absent); at most `limits.grepMatches`. */
    grep(pattern: string, path?: string): Effect.Effect<ReadonlyArray<GrepMatch>, SandboxError>
  }
>()("ownloop/SandboxBackend") {}

/** Variables that every command and program of a sandbox is given, asked for anew each time. None of them is a secret. */
export class SandboxVariables extends Context.Reference<
  Effect.Effect<Readonly<Record<string, string>>, { readonly message: string }>
>("ownloop/SandboxBackend/SandboxVariables", { defaultValue: () => Effect.succeed({}) }) {}
