import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { CurrentToolUse } from "../../src/EgressPolicy.ts"
import {
  type FileInfo,
  FileNotFound,
  FileTooLarge,
  type GrepMatch,
  InvalidPath,
  InvalidPattern,
  limits,
  NotAFile,
  SandboxBackend,
  SandboxError,
  SandboxUnavailable,
  SandboxVariables,
  WorkspaceFull,
  WorkspaceLost,
  workspaceRoot
} from "../../src/SandboxBackend.ts"
import { SavedWorkspace } from "../../src/Snapshots.ts"
import * as Glob from "./Glob.ts"
import type { Machine, Owner, PathProblem, Reply, Use } from "./microvm/Protocol.ts"
import { quote } from "./microvm/quote.ts"
import { basename, resolve, within } from "./Paths.ts"

type Operation = SandboxError["operation"]

type UsedMachine = Pick<Machine, "run" | "cancel" | "query" | "readBytes" | "writeBytes" | "release">

/** Milliseconds that a cancelled command may take to be gone. */
const farewell = "5 seconds"

/** Seconds that a search may take. */
const searchTimeout = 60

/** Bytes of names that a search of a whole tree may answer with. */
const searchOutput = 32 * 1024 * 1024

/**
 * A container of its own per session, with real Linux inside: `machine` is its Durable Object, asked for anew with every call, since a stub
 * is of no use once its object was reset. Every method is one call of it. It starts
 * at its first use, whatever that is, and what waits for it waits for the same start.
 */
export const layer = (options: {
  /** Undefined where the deployment has no machines: nothing can then be done, and it says so. */
  readonly machine: (() => UsedMachine) | undefined
  readonly owner: Owner
}): Layer.Layer<SandboxBackend> => Layer.effect(SandboxBackend, make(options.machine ?? (() => none), options.owner))

const noMachines = {
  unavailable:
    "this deployment has no machines: its Worker has no container binding, or on this machine no container engine runs. An environment with the backend isolate needs none"
}

const none: UsedMachine = {
  run: () => Promise.resolve(noMachines),
  cancel: () => Promise.resolve(),
  query: () => Promise.resolve(noMachines),
  readBytes: () => Promise.resolve(noMachines),
  writeBytes: () => Promise.resolve(noMachines),
  release: () => Promise.resolve()
}

const make = Effect.fnUntraced(function* (machine: () => UsedMachine, owner: Owner) {
  const turn = yield* Semaphore.make(1)
  const variables = yield* SandboxVariables

  const ask = <A>(
    operation: Operation,
    path: string,
    call: (use: Use) => Promise<Reply<A>>
  ): Effect.Effect<A, SandboxError> =>
    Effect.gen(function* () {
      const saved = yield* SavedWorkspace
      const reply = yield* Effect.tryPromise({
        try: () => call({ owner, saved }),
        catch: (cause) => unavailable(operation, String(cause))
      })
      if ("value" in reply) return reply.value
      if ("unavailable" in reply) return yield* unavailable(operation, reply.unavailable)
      const reason =
        "problem" in reply ? reasonOf(path, reply.problem) : new WorkspaceLost({ savedAt: reply.lostSince })
      return yield* new SandboxError({ operation, reason })
    })

  const query = (operation: Operation, command: string, path = workspaceRoot) =>
    ask(operation, path, (use) => machine().query(use, command))

  /** Runs a command in the session's shell, one at a time. Where the caller goes away it is killed, and that is waited for. */
  const run = Effect.fnUntraced(
    function* (operation: Operation, command: string, timeout = limits.execTimeout) {
      const given = yield* Effect.mapError(variables, ({ message }) => unavailable(operation, message))
      const toolUseId = yield* CurrentToolUse
      const id = yield* Effect.sync(() => crypto.randomUUID())
      const bounded = Math.max(1, Math.min(timeout, limits.maxExecTimeout))
      const saved = yield* SavedWorkspace
      const running = machine().run(
        { owner, saved },
        { id, toolUseId, command, variables: given, timeout: bounded, output: limits.output }
      )
      const stop = Effect.promise(async () => {
        await machine().cancel(id)
        await running
      }).pipe(Effect.timeoutOption(farewell), Effect.ignoreCause)
      return yield* Effect.onInterrupt(
        ask(operation, workspaceRoot, () => running),
        () => stop
      )
    },
    (effect) => turn.withPermit(effect)
  )

  return SandboxBackend.of({
    exec: Effect.fn("SandboxBackend.exec")((command, settings) => run("exec", command, settings?.timeout)),

    runCode: Effect.fn("SandboxBackend.runCode")((code, settings) =>
      run("runCode", `cd ${workspaceRoot} && exec node --input-type=module -e ${quote(code)}`, settings?.timeout)
    ),

    restart: query("restart", "rm -f /run/ownloop/state").pipe(
      Effect.asVoid,
      (effect) => turn.withPermit(effect),
      Effect.withSpan("SandboxBackend.restart")
    ),

    release: Effect.tryPromise({
      try: () => machine().release(),
      catch: (cause) => unavailable("release", String(cause))
    }).pipe(Effect.withSpan("SandboxBackend.release")),

    readFile: Effect.fn("SandboxBackend.readFile")(function* (path) {
      const at = yield* absolute("readFile", path)
      return yield* ask("readFile", path, (use) => machine().readBytes(use, at))
    }),

    writeFile: Effect.fn("SandboxBackend.writeFile")(function* (path, content) {
      const at = yield* absolute("writeFile", path)
      if (content.length > limits.file) {
        const reason = new FileTooLarge({ path, bytes: content.length, limit: limits.file })
        return yield* new SandboxError({ operation: "writeFile", reason })
      }
      yield* ask("writeFile", path, (use) => machine().writeBytes(use, at, content))
    }),

    list: Effect.fn("SandboxBackend.list")(function* (path) {
      const at = yield* absolute("list", path)
      // The slash at its end makes `find` follow a link, and refuse what is no folder.
      const found = yield* query("list", find(`${at === "/" ? "" : at}/`, "-mindepth 1 -maxdepth 1"))
      if (found.exitCode !== 0) return yield* searchFailed("list", path, found.stderr)
      const folder = found.stdout.slice(0, found.stdout.indexOf("\0"))
      return infosOf(found.stdout.slice(folder.length + 1))
        .map((info) => ({ ...info, path: resolve(folder, basename(info.path)) }))
        .sort((a, b) => (a.path < b.path ? -1 : 1))
    }),

    glob: Effect.fn("SandboxBackend.glob")(function* (pattern, path = workspaceRoot) {
      const at = yield* absolute("glob", path)
      const matches = Glob.compile(pattern)
      if (matches === undefined) {
        const detail = "the pattern is too long or has too many alternatives"
        return yield* new SandboxError({ operation: "glob", reason: new InvalidPattern({ pattern, detail }) })
      }
      // Names that start with a dot match only where the pattern names one: what is below them need not be told.
      const hidden = /(^|[/{,])[.[{?\\]/.test(pattern) ? "" : "-mindepth 1 -name '.*' -prune -o"
      const found = yield* query("glob", find(`${at}/`, hidden, "! -type d"))
      if (found.exitCode !== 0) return yield* searchFailed("glob", path, found.stderr)
      const base = pattern.startsWith("/") ? "" : at
      return infosOf(found.stdout.slice(found.stdout.indexOf("\0") + 1))
        .map((info) => ({ ...info, path: resolve("/", info.path) }))
        .filter((info) => matches(info.path.slice(base.length)))
        .sort((a, b) => b.modifiedAt - a.modifiedAt || (a.path < b.path ? -1 : 1))
        .slice(0, limits.globMatches)
    }),

    grep: Effect.fn("SandboxBackend.grep")(function* (pattern, path = workspaceRoot) {
      const at = yield* absolute("grep", path)
      const rg = "rg --no-config --hidden --no-ignore --no-messages --no-heading -nH0 --color=never --sort=path -M 2000"
      const command = `test -e ${quote(at)} || { echo 'No such file or directory' >&2; exit 3; }
set -o pipefail; timeout ${searchTimeout} ${rg} --max-columns-preview -e ${quote(pattern)} -- ${quote(at)} | head -n ${limits.grepMatches}`
      const found = yield* query("grep", command)
      if (found.exitCode === 3) return yield* searchFailed("grep", path, found.stderr)
      if (/regex parse error|regex could not be compiled|compiled regex exceeds/i.test(found.stderr)) {
        const detail = found.stderr.trim().split("\n").at(-1) ?? ""
        return yield* new SandboxError({ operation: "grep", reason: new InvalidPattern({ pattern, detail }) })
      }
      return Array.from(found.stdout.matchAll(/^(.*?)\0(\d+):(.*)$/gm), ([, path, line, text]): GrepMatch => ({
        path: path!,
        line: Number(line),
        text: text!
      }))
    })
  })
})

const unavailable = (operation: Operation, detail: string) =>
  new SandboxError({ operation, reason: new SandboxUnavailable({ detail }) })

const absolute = (operation: Operation, path: string): Effect.Effect<string, SandboxError> => {
  const at = resolve(workspaceRoot, path)
  if (within(workspaceRoot, at) && !path.includes("\0")) return Effect.succeed(at)
  const detail = `only files below ${workspaceRoot} can be reached without a command`
  return Effect.fail(new SandboxError({ operation, reason: new InvalidPath({ path, detail }) }))
}

const reasonOf = (path: string, { kind, detail }: PathProblem): SandboxError["reason"] => {
  switch (kind) {
    case "missing":
      return new FileNotFound({ path })
    case "folder":
      return new NotAFile({ path })
    case "full":
      return new WorkspaceFull({ limit: limits.workspace })
    case "invalid":
      return new InvalidPath({ path, detail })
  }
}

/** What `find` or `test` said about the path a search began at. */
const searchFailed = (operation: Operation, path: string, stderr: string) => {
  const detail = stderr.trim().split(": ").at(-1)?.toLowerCase() ?? ""
  const kind = detail === "no such file or directory" ? "missing" : "invalid"
  return new SandboxError({ operation, reason: reasonOf(path, { kind, detail }) })
}

/** Where the search begins, then what it finds: kind, bytes, seconds and path of each, all ended by a NUL. */
const find = (at: string, ...tests: ReadonlyArray<string>): string =>
  `export LC_ALL=C.UTF-8; cd ${quote(at)} && printf '%s\\0' "$(pwd -P)" && timeout ${searchTimeout} find ${quote(at)} ${tests.join(" ")} -printf '%y %s %T@ %p\\0' | head -c ${searchOutput}`

const infosOf = (found: string): ReadonlyArray<FileInfo> =>
  Array.from(found.matchAll(/(\w) (\d+) ([\d.]+) ([^\0]+)\0/g), ([, type, size, modifiedAt, path]) => {
    const kind = type === "d" ? "directory" : type === "l" ? "symlink" : "file"
    return {
      path: path!,
      kind,
      size: kind === "file" ? Number(size) : 0,
      modifiedAt: Math.floor(Number(modifiedAt) * 1000)
    }
  })
