import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type FileInfo,
  FileNotFound,
  FileTooLarge,
  InvalidPath,
  InvalidPattern,
  limits,
  NotAFile,
  SandboxError,
  SandboxUnavailable,
  WorkspaceFull,
  workspaceRoot
} from "../../src/SandboxBackend.ts"
import { Workspace, type WorkspaceChange } from "../../src/Workspace.ts"
import * as Glob from "./Glob.ts"
import { FileError, meanings } from "./isolate/FileError.ts"
import { Files } from "./isolate/Files.ts"
import { apply, Mount } from "./isolate/Mount.ts"
import { type Node, walk } from "./isolate/Nodes.ts"
import { dirname, resolve, within } from "./Paths.ts"

type Operation = SandboxError["operation"]

export const fileLimits = { file: limits.file, total: limits.workspace }

/** The session's files without a shell: by the shell's own rules, over their entries. */
export const make = Effect.gen(function* () {
  const workspace = yield* Workspace

  const open = Effect.fnUntraced(function* (operation: Operation) {
    const files = new Files(fileLimits)
    const mount = new Mount(files, workspaceRoot)
    mount.open(yield* stored(operation, workspace.entries), { read: async () => null })
    return { files, mount }
  })

  const store = (operation: Operation, changes: ReadonlyArray<WorkspaceChange>) =>
    stored(operation, workspace.write(changes))

  return {
    readFile: Effect.fn("SandboxBackend.readFile")(function* (path: string) {
      const at = yield* absolute("readFile", path)
      const direct = yield* stored("readFile", workspace.read(at))
      if (Option.isSome(direct)) return direct.value
      const { files } = yield* open("readFile")
      const real = yield* attempt("readFile", path, () => {
        if (files.stat(at).kind === "directory") throw new FileError("EISDIR", "read", at)
        return files.realpath(at)
      })
      const content = yield* stored("readFile", workspace.read(real))
      return yield* Option.match(content, {
        onNone: () => failed("readFile", new FileNotFound({ path })),
        onSome: Effect.succeed
      })
    }),

    writeFile: Effect.fn("SandboxBackend.writeFile")(function* (path: string, content: Uint8Array) {
      const at = yield* absolute("writeFile", path)
      if (content.length > limits.file) {
        return yield* failed("writeFile", new FileTooLarge({ path, bytes: content.length, limit: limits.file }))
      }
      const { files, mount } = yield* open("writeFile")
      yield* attempt("writeFile", path, () => {
        files.mkdir(dirname(at), { recursive: true })
        files.writeFile(at, content)
      })
      yield* store("writeFile", yield* Effect.promise(() => mount.changes()))
    }),

    list: Effect.fn("SandboxBackend.list")(function* (path: string) {
      const at = yield* absolute("list", path)
      const { files } = yield* open("list")
      return yield* attempt("list", path, () => {
        const folder = files.realpath(at)
        return files.readdir(at).map(([name, node]) => infoOf(resolve(folder, name), node))
      })
    }),

    glob: Effect.fn("SandboxBackend.glob")(function* (pattern: string, path = workspaceRoot) {
      const at = yield* absolute("glob", path)
      const matches = Glob.compile(pattern)
      if (matches === undefined) {
        return yield* failed(
          "glob",
          new InvalidPattern({ pattern, detail: "the pattern is too long or has too many alternatives" })
        )
      }
      const { files } = yield* open("glob")
      const found = yield* attempt("glob", path, () => {
        const folder = files.stat(at)
        if (folder.kind !== "directory") throw new FileError("ENOTDIR", "scandir", at)
        const base = pattern.startsWith("/") ? "" : at
        return Array.from(walk(folder, at), ([path, node]) => infoOf(path, node)).filter(
          (file) => file.kind !== "directory" && matches(file.path.slice(base.length))
        )
      })
      return found
        .sort((a, b) => b.modifiedAt - a.modifiedAt || (a.path < b.path ? -1 : 1))
        .slice(0, limits.globMatches)
    }),

    /** Fails where there is nothing at `path`; answers it absolute. */
    find: Effect.fnUntraced(function* (operation: Operation, path: string) {
      const at = yield* absolute(operation, path)
      const { files } = yield* open(operation)
      yield* attempt(operation, path, () => files.stat(at))
      return at
    }),

    /** Takes over what the sandbox changed, all or nothing, by the same limits. */
    commit: Effect.fnUntraced(function* (operation: Operation, changes: ReadonlyArray<WorkspaceChange>) {
      if (changes.length === 0) return
      const { files } = yield* open(operation)
      const stray = changes.find((change) => !within(workspaceRoot, change.path))
      if (stray !== undefined) yield* absolute(operation, stray.path)
      yield* attempt(operation, workspaceRoot, () => apply(files, changes))
      yield* store(operation, changes)
    })
  }
})

export const failed = (operation: Operation, reason: SandboxError["reason"]) => new SandboxError({ operation, reason })

/** Without storage there is no sandbox. */
export const stored = <A>(operation: Operation, effect: Effect.Effect<A, { readonly message: string }>) =>
  Effect.mapError(effect, ({ message }) => failed(operation, new SandboxUnavailable({ detail: message })))

const absolute = (operation: Operation, path: string): Effect.Effect<string, SandboxError> => {
  const at = resolve(workspaceRoot, path)
  const detail = `only files below ${workspaceRoot} can be reached without a command`
  return within(workspaceRoot, at) ? Effect.succeed(at) : failed(operation, new InvalidPath({ path, detail }))
}

const attempt = <A>(operation: Operation, path: string, evaluate: () => A): Effect.Effect<A, SandboxError> =>
  Effect.try({ try: evaluate, catch: (error) => failed(operation, reasonOf(path, error)) })

const reasonOf = (path: string, error: unknown): SandboxError["reason"] => {
  // Files throws nothing else; what is broken otherwise must not be taken for the user's mistake.
  if (!(error instanceof FileError)) throw error
  switch (error.code) {
    case "ENOENT":
      return new FileNotFound({ path })
    case "EISDIR":
      return new NotAFile({ path })
    case "ENOSPC":
      return new WorkspaceFull({ limit: limits.workspace })
    default:
      return new InvalidPath({ path, detail: meanings[error.code] })
  }
}

const infoOf = (path: string, node: Node): FileInfo => ({
  path,
  kind: node.kind,
  size: node.kind === "file" ? node.size : 0,
  modifiedAt: node.modifiedAt
})
