import { GitFailure } from "./Repository.ts"

/** The options that a command takes: those of the first list stand alone, those of the second have a value. */
export interface Options {
  readonly flags?: ReadonlyArray<string>
  readonly values?: ReadonlyArray<string>
}

export interface Args {
  readonly has: (...names: ReadonlyArray<string>) => boolean
  readonly value: (...names: ReadonlyArray<string>) => string | undefined
  readonly all: (name: string) => ReadonlyArray<string>
  /** What is no option, and comes before `--`. */
  readonly rest: ReadonlyArray<string>
  /** What comes after `--`. */
  readonly paths: ReadonlyArray<string>
}

/** Options that change nothing here. */
const ignored = new Set(["-q", "--quiet", "-v", "--verbose", "--progress", "--no-progress", "--no-color", "--no-pager"])

/** Throws, as git does, where a command does not know an option. */
export const parse = (command: string, args: ReadonlyArray<string>, { flags = [], values = [] }: Options): Args => {
  const given: Array<readonly [name: string, value: string]> = []
  const rest: Array<string> = []
  const end = args.indexOf("--")
  const before = end === -1 ? args : args.slice(0, end)
  for (let at = 0; at < before.length; at++) {
    const arg = before[at]!
    const [name = arg, value] = /^--[^=]+=/.test(arg)
      ? [arg.slice(0, arg.indexOf("=")), arg.slice(arg.indexOf("=") + 1)]
      : [arg]
    const attached = /^-[a-zA-Z]./.test(arg) ? arg.slice(0, 2) : undefined
    if (values.includes(name)) {
      const taken = value ?? before[++at]
      if (taken === undefined) throw new GitFailure(`option \`${name}' requires a value`, 129)
      given.push([name, taken])
    } else if (flags.includes(name)) given.push([name, ""])
    else if (attached !== undefined && values.includes(attached)) given.push([attached, arg.slice(2)])
    else if (
      attached !== undefined &&
      Array.from(arg.slice(1)).every((letter) => isFlag(`-${letter}`, [...flags, ...values]))
    ) {
      // `-am message` is `-a -m message`.
      for (const letter of arg.slice(1)) {
        const name = `-${letter}`
        given.push([name, values.includes(name) ? (before[++at] ?? "") : ""])
      }
    } else if (ignored.has(arg)) continue
    else if (arg.startsWith("-") && arg !== "-") {
      throw new GitFailure(`${command}: the option ${arg} is not supported by the git of this sandbox`, 129)
    } else rest.push(arg)
  }
  return {
    has: (...names) => given.some(([name]) => names.includes(name)),
    value: (...names) => given.findLast(([name]) => names.includes(name))?.[1],
    all: (name) => given.flatMap(([other, value]) => (other === name ? [value] : [])),
    rest,
    paths: end === -1 ? [] : args.slice(end + 1)
  }
}

const isFlag = (name: string, known: ReadonlyArray<string>) => known.includes(name) || ignored.has(name)
