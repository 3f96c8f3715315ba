import { dirname } from "../../Paths.ts"
import type { Files } from "../Files.ts"
import type { Module, Program } from "../Protocol.ts"
import type { Require, Builtins } from "./Builtins.ts"
import { resolveModule } from "./Resolve.ts"

type Namespace = Record<string, unknown>
type Load = (specifier: unknown, names?: ReadonlyArray<string>) => Promise<Namespace>
type CommonJs = (
  this: unknown,
  guard: () => void,
  load: Load,
  exports: unknown,
  require: Require,
  module: { exports: unknown },
  filename: string,
  dirname: string
) => void
type Esm = (
  guard: () => void,
  load: Load,
  share: (values: Namespace, star?: boolean) => void,
  meta: { readonly url: string; readonly filename: string; readonly dirname: string }
) => Promise<void>

/** A module and the function that its text makes. */
export type Loaded =
  | { readonly kind: "commonjs"; readonly run: CommonJs }
  | { readonly kind: "module"; readonly run: Esm }
  | { readonly kind: "broken"; readonly error: string }

interface Evaluated {
  readonly namespace: Namespace
  done: Promise<void>
  isDone: boolean
}

/** Runs the modules of a program, each once, as imports and requires reach them. */
export class Linker {
  private readonly modules: ReadonlyMap<string, Loaded>
  private readonly files: Files
  private readonly builtins: Builtins
  private readonly guard: () => void
  private readonly required = new Map<string, { exports: unknown }>()
  private readonly imported = new Map<string, Evaluated>()

  constructor(modules: ReadonlyMap<string, Loaded>, files: Files, builtins: Builtins, guard: () => void) {
    this.modules = modules
    this.files = files
    this.builtins = builtins
    this.guard = guard
  }

  async main(program: Program): Promise<void> {
    await this.load(program.entry, [])
  }

  require(from: string): Require {
    return Object.assign(
      (specifier: string): unknown => {
        const builtin = this.builtins.get(specifier)
        return builtin === undefined ? this.requireFile(this.resolve(specifier, from)) : builtin
      },
      {
        resolve: (specifier: string) =>
          this.builtins.get(specifier) === undefined ? this.resolve(specifier, from) : specifier
      }
    )
  }

  private requireFile(path: string): unknown {
    const known = this.required.get(path)
    if (known !== undefined) return known.exports
    if (path.endsWith(".json")) return this.json(path)
    const loaded = this.get(path)
    if (loaded.kind === "module") {
      const evaluated = this.imported.get(path)
      if (evaluated?.isDone === true) return evaluated.namespace
      throw Object.assign(new Error(`require() of ES Module ${path} is not supported; use import()`), {
        code: "ERR_REQUIRE_ESM"
      })
    }
    const module = { exports: {} as unknown }
    this.required.set(path, module)
    try {
      const load = this.loader(path, [])
      loaded.run.call(module.exports, this.guard, load, module.exports, this.require(path), module, path, dirname(path))
    } catch (error) {
      this.required.delete(path)
      throw error
    }
    return module.exports
  }

  /** `importers` are the modules that wait for this one. */
  private loader(from: string, importers: ReadonlyArray<string>): Load {
    return async (specifier, names = []) => {
      const name = String(specifier)
      const builtin = this.builtins.get(name)
      const namespace =
        builtin === undefined ? await this.load(this.resolve(name, from), [...importers, from]) : namespaceOf(builtin)
      for (const wanted of names) {
        if (wanted in namespace) continue
        throw new SyntaxError(`The requested module '${name}' does not provide an export named '${wanted}'`)
      }
      return namespace
    }
  }

  private async load(path: string, importers: ReadonlyArray<string>): Promise<Namespace> {
    if (path.endsWith(".json")) return { default: this.json(path) }
    const loaded = this.get(path)
    if (loaded.kind === "commonjs") return namespaceOf(this.requireFile(path))
    const known = this.imported.get(path)
    if (known !== undefined) {
      // A module that waits for the asking one cannot be waited for in turn.
      if (!importers.includes(path)) await known.done
      return known.namespace
    }
    const namespace: Namespace = Object.create(null)
    const evaluated: Evaluated = { namespace, done: Promise.resolve(), isDone: false }
    this.imported.set(path, evaluated)
    const share = (values: Namespace, star = false): void => {
      for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(values))) {
        if (star && (name === "default" || name in namespace)) continue
        Object.defineProperty(namespace, name, { ...property, configurable: true, enumerable: true })
      }
    }
    const meta = { url: `file://${encodeURI(path)}`, filename: path, dirname: dirname(path) }
    evaluated.done = loaded.run(this.guard, this.loader(path, importers), share, meta)
    await evaluated.done
    evaluated.isDone = true
    return namespace
  }

  private get(path: string): Exclude<Loaded, { kind: "broken" }> {
    const loaded = this.modules.get(path)
    if (loaded === undefined) {
      throw new Error(`Cannot load '${path}': only modules that are imported by a written out name can be`)
    }
    if (loaded.kind === "broken") throw new SyntaxError(loaded.error)
    return loaded
  }

  private json(path: string): unknown {
    const value: unknown = JSON.parse(new TextDecoder().decode(this.files.readFile(path)))
    this.required.set(path, { exports: value })
    return value
  }

  private resolve(specifier: string, from: string): string {
    const isFile = (path: string): boolean => this.files.exists(path) && this.files.stat(path).kind === "file"
    const path = this.modules.has(specifier) ? specifier : resolveModule(specifier, from, isFile)
    if (path !== undefined) return path
    throw Object.assign(new Error(`Cannot find module '${specifier}' imported from ${from}`), {
      code: "MODULE_NOT_FOUND"
    })
  }
}

const namespaceOf = (exports: unknown): Namespace =>
  typeof exports === "object" || typeof exports === "function" ? { ...exports, default: exports } : { default: exports }

/** The functions of a program's modules, made by `evaluate` from their texts. */
export const loadModules = async (
  program: Program,
  evaluate: (module: Exclude<Module, { kind: "broken" }>) => Promise<unknown>
): Promise<ReadonlyMap<string, Loaded>> => {
  const load = async (module: Module): Promise<Loaded> =>
    // The text is what Instrument makes for the kind.
    module.kind === "broken" ? module : ({ kind: module.kind, run: await evaluate(module) } as Loaded)
  return new Map(await Promise.all(program.modules.map(async (module) => [module.path, await load(module)] as const)))
}
