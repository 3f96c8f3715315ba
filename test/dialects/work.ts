/**
 * Counts the characters that `run` looks at: those it reads one by one, and those it searches, copies or matches. Unlike time, it is the
 * same on every run.
 */
export const workOf = (run: () => unknown): number => {
  let work = 0
  const restore: Array<() => void> = []
  const watch = <Target extends object>(
    target: Target,
    key: keyof Target,
    cost: (self: never, args: never, result: never) => number
  ) => {
    const original = target[key] as (...args: ReadonlyArray<unknown>) => unknown // all that are watched are methods
    const watched = function (this: unknown, ...args: ReadonlyArray<unknown>) {
      const before = this instanceof RegExp && (this.global || this.sticky) ? this.lastIndex : 0
      const result = original.apply(this, args as Array<unknown>)
      work += 1 + cost(this as never, [before, ...args] as never, result as never) // As the method was called.
      return result
    }
    target[key] = watched as Target[keyof Target]
    restore.push(() => {
      target[key] = original as Target[keyof Target]
    })
  }
  watch(String.prototype, "charCodeAt", () => 0)
  watch(String.prototype, "slice", (_: string, __: ReadonlyArray<number>, result: string) => result.length)
  watch(String.prototype, "indexOf", (self: string, [, , from = 0]: ReadonlyArray<number>, found: number) =>
    Math.max(0, (found < 0 ? self.length : found) - from)
  )
  watch(String.prototype, "trim", (self: string) => self.length)
  watch(String.prototype, "replace", (self: string) => self.length)
  watch(String.prototype, "split", (self: string) => self.length)
  watch(JSON, "parse", (_: never, [, text]: [number, string]) => text.length)
  watch(RegExp.prototype, "exec", (self: RegExp, [from, text]: [number, string], found: RegExpExecArray | null) => {
    const end = found === null ? text.length : found.index + found[0].length
    return self.sticky && found === null ? 1 : Math.max(0, end - from)
  })
  try {
    run()
  } finally {
    for (const one of restore) one()
  }
  return work
}
