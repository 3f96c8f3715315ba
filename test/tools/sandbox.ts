import { Effect, Layer } from "effect"
import { Bash } from "just-bash"
import {
  FileNotFound,
  InvalidPattern,
  limits,
  NotAFile,
  SandboxBackend,
  SandboxError
} from "../../src/SandboxBackend.ts"

const failed = (operation: SandboxError["operation"], reason: SandboxError["reason"]) =>
  Effect.fail(new SandboxError({ operation, reason }))

/** A sandbox in this process for the tools' own tests: a shell over files in memory. It knows no time limits. */
export const sandbox: Layer.Layer<SandboxBackend> = Layer.sync(SandboxBackend, () => {
  const fresh = { cwd: "/workspace", env: {} as Record<string, string> }
  const bash = new Bash({ cwd: "/workspace", files: { "/workspace/.keep": "" } })
  const files = bash.fs
  let state = fresh
  const absolute = (path: string) => files.resolvePath("/workspace", path)

  const fileAt = (operation: SandboxError["operation"], path: string) =>
    Effect.promise(() => files.stat(absolute(path)).catch(() => undefined)).pipe(
      Effect.filterOrElse(
        (stat) => stat !== undefined,
        () => failed(operation, new FileNotFound({ path }))
      )
    )
  const below = (path = "") => files.getAllPaths().filter((file) => file.startsWith(absolute(path)))

  return SandboxBackend.of({
    exec: (command) =>
      Effect.promise(async () => {
        const { stdout, stderr, exitCode, env } = await bash.exec(command, state)
        state = { cwd: env.PWD ?? state.cwd, env }
        return { stdout, stderr, exitCode, timedOut: false, truncated: false }
      }),
    runCode: () => Effect.die("no JavaScript here"),
    restart: Effect.sync(() => {
      state = fresh
    }),
    readFile: Effect.fnUntraced(function* (path) {
      const stat = yield* fileAt("readFile", path)
      if (stat.isDirectory) return yield* failed("readFile", new NotAFile({ path }))
      return yield* Effect.promise(() => files.readFileBuffer(absolute(path)))
    }),
    writeFile: (path, content) => Effect.promise(() => files.writeFile(absolute(path), content)),
    list: () => Effect.succeed([]),
    glob: Effect.fnUntraced(function* (pattern, path) {
      const suffix = pattern.replace(/^(?:\*\*\/)?\*/, "")
      const infos = yield* Effect.forEach(
        below(path).filter((file) => file.endsWith(suffix)),
        (file) =>
          Effect.map(fileAt("glob", file), ({ isDirectory, size, mtime }) => ({
            path: file,
            kind: isDirectory ? ("directory" as const) : ("file" as const),
            size,
            modifiedAt: mtime.getTime()
          }))
      )
      return infos.filter(({ kind }) => kind === "file").slice(0, limits.globMatches)
    }),
    grep: Effect.fnUntraced(function* (pattern, path) {
      const regExp = yield* Effect.try({
        try: () => new RegExp(pattern),
        catch: () =>
          new SandboxError({
            operation: "grep",
            reason: new InvalidPattern({ pattern, detail: "not a regular expression" })
          })
      })
      const matches = yield* Effect.forEach(below(path), (file) =>
        Effect.promise(async () => {
          const text = (await files.stat(file)).isDirectory ? "" : await files.readFile(file)
          return text.split("\n").map((text, index) => ({ path: file, line: index + 1, text }))
        })
      )
      return matches
        .flat()
        .filter(({ text }) => regExp.test(text))
        .slice(0, limits.grepMatches)
    })
  })
})
