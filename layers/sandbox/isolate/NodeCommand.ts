/** What a command line of `node` asks for. */
export type Asked =
  | { readonly kind: "file"; readonly path: string; readonly args: ReadonlyArray<string> }
  | { readonly kind: "code"; readonly code: string; readonly module: boolean; readonly args: ReadonlyArray<string> }
  | { readonly kind: "stdin"; readonly module: boolean; readonly args: ReadonlyArray<string> }
  | { readonly kind: "version" }
  | { readonly kind: "invalid"; readonly reason: string }

/** Options of Node that change nothing here. */
const ignored =
  /^--(no-warnings|enable-source-maps|trace-warnings|trace-uncaught|experimental-[\w-]+|max-old-space-size=\d+)$/

export const parseArgs = (args: ReadonlyArray<string>): Asked => {
  let module = false
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!
    const rest = args.slice(at + 1)
    switch (arg) {
      case "-v":
      case "--version":
        return { kind: "version" }
      case "--input-type=module":
        module = true
        break
      case "--input-type=commonjs":
        break
      case "-e":
      case "--eval":
        return rest.length === 0 ? invalid(`${arg} requires an argument`) : code(rest[0]!, module, rest.slice(1))
      case "-p":
      case "-pe":
      case "--print":
        return rest.length === 0
          ? invalid(`${arg} requires an argument`)
          : code(`console.log((${rest[0]!}\n))`, module, rest.slice(1))
      case "-":
        return { kind: "stdin", module, args: rest }
      case "--":
        return rest.length === 0
          ? { kind: "stdin", module, args: [] }
          : { kind: "file", path: rest[0]!, args: rest.slice(1) }
      default:
        if (!arg.startsWith("-")) return { kind: "file", path: arg, args: rest }
        if (!ignored.test(arg)) return invalid(`bad option: ${arg}`)
    }
  }
  return { kind: "stdin", module, args: [] }
}

const code = (code: string, module: boolean, args: ReadonlyArray<string>): Asked => ({
  kind: "code",
  code,
  module,
  args
})

const invalid = (reason: string): Asked => ({ kind: "invalid", reason })
