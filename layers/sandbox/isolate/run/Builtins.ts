/**
 * Modules of Node that compute and nothing else; the others would need a machine, or a network that is not the gateway's. `http` is left
 * out because `fetch` does its work.
 */
const computing = [
  "assert",
  "assert/strict",
  "async_hooks",
  "buffer",
  "console",
  "constants",
  "crypto",
  "diagnostics_channel",
  "events",
  "os",
  "path",
  "path/posix",
  "perf_hooks",
  "punycode",
  "querystring",
  "stream",
  "stream/consumers",
  "stream/promises",
  "stream/web",
  "string_decoder",
  "url",
  "util",
  "util/types",
  "zlib"
]

/** Node's own modules, as a program gets them. */
export class Builtins {
  private readonly own: Record<string, unknown> = Object.create(null)
  private readonly native: (name: string) => object | undefined

  constructor(native: (name: string) => object | undefined) {
    this.native = native
  }

  /** Modules that take the place of Node's. */
  add(own: Readonly<Record<string, unknown>>): void {
    Object.assign(this.own, own)
  }

  /** Undefined for what is no module of Node's. */
  readonly get = (specifier: string): unknown => {
    const name = specifier.replace(/^node:/, "")
    if (Object.hasOwn(this.own, name)) return this.own[name]
    if (computing.includes(name)) return this.native(name)
    if (name === specifier && this.native(name) === undefined) return undefined
    throw Object.assign(
      new Error(`No such built-in module in this sandbox: ${specifier} (the network is reached with fetch)`),
      {
        code: "ERR_UNKNOWN_BUILTIN_MODULE"
      }
    )
  }
}

export type Require = (specifier: string) => unknown

/** `node:module`, whose `createRequire` answers what the program's own `require` does. */
export const makeModule = (require: (from: string) => Require) => ({
  createRequire: (from: string | { readonly href: string }) =>
    require(decodeURIComponent((typeof from === "string" ? from : from.href).replace(/^file:\/\//, "")))
})
