import { dirname, resolve } from "../Paths.ts"
import type { Files } from "./Files.ts"
import { instrument, type Kind } from "./Instrument.ts"
import type { Module, Program } from "./Protocol.ts"
import { resolveModule } from "./run/Resolve.ts"

/** A program of `code` as the file `path`, with the files that it and they import by name. */
export const makeProgram = async (files: Files, path: string, code: string, kind?: Kind): Promise<Program> => {
  const modules = new Map<string, Module>()
  const add = async (path: string, code: string, kind: Kind | undefined): Promise<void> => {
    const imports = parsed(modules, path, code, kind)
    for (const specifier of imports) {
      const file = resolveModule(specifier, path, (path) => files.exists(path) && files.stat(path).kind === "file")
      if (file === undefined || modules.has(file)) continue
      await files.load(file)
      if (file.endsWith(".json")) continue
      await add(file, decode(files.readFile(file)), kindOf(file))
    }
  }
  await add(path, code, kind)
  return { entry: path, modules: [...modules.values()] }
}

/** A program of a file, `script` as typed in `cwd`; undefined where there is no such file. */
export const makeFileProgram = async (files: Files, cwd: string, script: string): Promise<Program | undefined> => {
  const typed = resolve(cwd, script)
  const path = resolveModule(
    typed,
    `${dirname(typed)}/-`,
    (path) => files.exists(path) && files.stat(path).kind === "file"
  )
  if (path === undefined) return undefined
  await files.load(path)
  return makeProgram(files, path, decode(files.readFile(path)), kindOf(path))
}

const parsed = (
  modules: Map<string, Module>,
  path: string,
  code: string,
  kind: Kind | undefined
): ReadonlyArray<string> => {
  try {
    const { imports, ...module } = instrument(code, kind)
    // What the runtime would not take in a module's name, or decode, is left out of it.
    const name = path.slice(1).replace(/[^\w./@[\]-]/g, "_")
    const taken = [...modules.values()].some((other) => other.kind !== "broken" && other.name === name)
    modules.set(path, { path, name: taken ? `${name}.${modules.size}` : name, ...module })
    return imports
  } catch (error) {
    modules.set(path, { path, kind: "broken", error: explain(path, code, error) })
    return []
  }
}

/** The place and the line, as Node shows them. */
const explain = (path: string, code: string, error: unknown): string => {
  if (!(error instanceof SyntaxError) || !("loc" in error)) throw error
  // acorn adds it to its errors, and the place to the message.
  const { line, column } = error.loc as { readonly line: number; readonly column: number }
  const message = error.message.replace(/ \(\d+:\d+\)$/, "")
  return `${message}\n${path}:${line}\n${code.split("\n")[line - 1] ?? ""}\n${" ".repeat(column)}^`
}

const kindOf = (path: string): Kind | undefined =>
  path.endsWith(".mjs") ? "module" : path.endsWith(".cjs") ? "commonjs" : undefined

const decode = (content: Uint8Array): string => new TextDecoder().decode(content)
