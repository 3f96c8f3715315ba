import { maxDepth } from "../JsonTypes.ts"

/** Reads text piece by piece and knows whether it stands inside a string, at the end of a value, or before something impossible. */
export interface Scanner {
  /** Reads `text` from `from` up to `to` and answers where it stopped: at `to`, or earlier where a value ended or cannot go on. */
  read(text: string, from: number, to: number): number
  state(): "reading" | "complete" | "broken"
  /** Whether what was read ends inside a string, where a marker is only text. */
  inside(): boolean
  /** Whether the text is of its kind at all; where it is not, tags say what is inside a value. */
  follows?(): boolean
}

type Expected = "value" | "key" | "colon" | "more" | "nothing"

export interface JsonOptions {
  /** What may come before the value: only space, or anything up to the first brace. */
  readonly after?: "space" | "anything"
  /** More values may follow. */
  readonly several?: boolean
}

/**
 * Follows a JSON value. It also takes what models write in its place: single quotes, line breaks in strings, trailing commas and Python's
 * words; whether the text then is a value is for `Values` to say.
 */
export const json = (options: JsonOptions = {}): Scanner => new Json(options)

/** Made for every brace that may begin a call: a class costs less to make than as many closures. */
class Json implements Scanner {
  private readonly open: Array<number> = []
  private readonly after: JsonOptions["after"]
  private readonly several: boolean
  private expected: Expected = "value"
  private quote = 0
  private escaped = false
  private word = false
  private reached: ReturnType<Scanner["state"]> = "reading"

  constructor({ after = "space", several = false }: JsonOptions) {
    this.after = after
    this.several = several
  }

  state() {
    return this.reached
  }

  inside() {
    return this.quote !== 0
  }

  read(text: string, from: number, to: number): number {
    let at = from
    while (at < to && this.reached !== "broken") {
      if (this.reached === "complete") {
        if (!this.several) return at
        while (at < to && text.charCodeAt(at) !== 0x7b && text.charCodeAt(at) !== 0x5b) at++
        if (at === to) return to
        this.reached = "reading"
        this.expected = "value"
      }
      at = this.value(text, at, to)
    }
    return at
  }

  private value(text: string, from: number, to: number): number {
    const { open } = this
    for (let at = from; at < to; at++) {
      const code = text.charCodeAt(at)
      if (this.quote !== 0) {
        if (this.escaped) this.escaped = false
        else if (code === 0x5c) this.escaped = true
        else if (code === this.quote) this.closeString()
        else at = endOfPlain(text, at + 1, to, this.quote) - 1
      } else if (this.word && isWord(code)) {
        continue
      } else {
        if (this.word) {
          this.word = false
          this.ended()
          if (open.length === 0) return at
        }
        if (isSpace(code)) continue
        if (this.after === "anything" && open.length === 0 && this.expected === "value" && code !== 0x7b) continue
        if (!this.step(code)) {
          this.reached = "broken"
          return at
        }
      }
      if (open.length === 0 && this.expected === "nothing") return at + 1
    }
    return to
  }

  /** What one character outside of strings and words does; false where it cannot stand there. */
  private step(code: number): boolean {
    const { expected, open } = this
    const top = open[open.length - 1]
    if (code === 0x7d || code === 0x5d) {
      if (top !== code - 2 || expected === "colon" || (expected === "value" && top === 0x7b)) return false
      open.pop()
      this.ended()
      return true
    }
    if (expected === "more") {
      if (code === 0x2c) this.expected = top === 0x7b ? "key" : "value"
      return code === 0x2c
    }
    if (expected === "colon") {
      if (code === 0x3a) this.expected = "value"
      return code === 0x3a
    }
    if (expected === "key") {
      if (code === 0x22 || code === 0x27) this.quote = code
      return this.quote !== 0
    }
    return expected === "value" && this.begins(code)
  }

  private begins(code: number): boolean {
    if (code === 0x22 || code === 0x27) this.quote = code
    else if (code === 0x7b || code === 0x5b) {
      this.open.push(code)
      this.expected = code === 0x7b ? "key" : "value"
      return this.open.length <= maxDepth
    } else if (isWord(code)) this.word = true
    else return false
    return true
  }

  private closeString(): void {
    this.quote = 0
    if (this.expected === "key") this.expected = "colon"
    else this.ended()
  }

  private ended(): void {
    this.expected = this.open.length === 0 ? "nothing" : "more"
    if (this.open.length === 0) this.reached = "complete"
  }
}

/** Where text ends of which no character means anything within a string. */
const endOfPlain = (text: string, from: number, to: number, quote: number): number => {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code === quote || code === 0x5c) return at
  }
  return to
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

const isWord = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x61 && code <= 0x7a) ||
  code === 0x2b ||
  code === 0x2d ||
  code === 0x2e

/** Follows brackets and strings as Python writes them, up to the bracket that closes the first one. */
export const python = (): Scanner => {
  const open: Array<number> = []
  let quote = 0
  let escaped = false
  let state: "reading" | "complete" | "broken" = "reading"

  const read = (text: string, from: number, to: number): number => {
    if (state !== "reading") return from
    for (let at = from; at < to; at++) {
      const code = text.charCodeAt(at)
      if (quote !== 0) {
        if (escaped) escaped = false
        else if (code === 0x5c) escaped = true
        else if (code === quote) quote = 0
        else at = endOfPlain(text, at + 1, to, quote) - 1
      } else if (code === 0x22 || code === 0x27) {
        quote = code
      } else if (code === 0x28 || code === 0x5b || code === 0x7b) {
        open.push(code)
      } else if (code === 0x29 || code === 0x5d || code === 0x7d) {
        const opened = open.pop()
        if (opened === undefined || opened !== (code === 0x29 ? 0x28 : code - 2)) {
          state = "broken"
          return at
        }
        if (open.length === 0) {
          state = "complete"
          return at + 1
        }
      }
      if (open.length > maxDepth) {
        state = "broken"
        return at
      }
    }
    return to
  }

  return { read, state: () => state, inside: () => quote !== 0 }
}
