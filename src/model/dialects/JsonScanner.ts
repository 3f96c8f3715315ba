import { maxDepth } from "../JsonTypes.ts"

/** Reads text piece by piece and knows whether it stands inside a string, at the end of a value, or before something impossible. */
export interface Scanner {
  /** Reads `text` from `from` up to `to` and answers where it stopped: at `to`, or earlier where a value ended or cannot go on. */
  readonly read: (text: string, from: number, to: number) => number
  readonly state: () => "reading" | "complete" | "broken"
  /** Whether what was read ends inside a string, where a marker is only text. */
  readonly inside: () => boolean
  /** Whether the text is of its kind at all; where it is not, tags say what is inside a value. */
  readonly follows?: () => boolean
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
export const json = ({ after = "space", several = false }: JsonOptions = {}): Scanner => {
  const open: Array<number> = []
  let expected: Expected = "value"
  let quote = 0
  let escaped = false
  let word = false
  let state: "reading" | "complete" | "broken" = "reading"

  const ended = (): void => {
    expected = open.length === 0 ? "nothing" : "more"
    if (open.length === 0) state = "complete"
  }

  const begins = (code: number): boolean => {
    if (code === 0x22 || code === 0x27) quote = code
    else if (code === 0x7b || code === 0x5b) {
      open.push(code)
      expected = code === 0x7b ? "key" : "value"
      return open.length <= maxDepth
    } else if (isWord(code)) word = true
    else return false
    return true
  }

  /** What one character outside of strings and words does; false where it cannot stand there. */
  const step = (code: number): boolean => {
    const top = open[open.length - 1]
    if (code === 0x7d || code === 0x5d) {
      if (top !== code - 2 || expected === "colon" || (expected === "value" && top === 0x7b)) return false
      open.pop()
      ended()
      return true
    }
    if (expected === "more") {
      if (code === 0x2c) expected = top === 0x7b ? "key" : "value"
      return code === 0x2c
    }
    if (expected === "colon") {
      if (code === 0x3a) expected = "value"
      return code === 0x3a
    }
    if (expected === "key") {
      if (code === 0x22 || code === 0x27) quote = code
      return quote !== 0
    }
    return expected === "value" && begins(code)
  }

  const closeString = (): void => {
    quote = 0
    if (expected === "key") expected = "colon"
    else ended()
  }

  const read = (text: string, from: number, to: number): number => {
    let at = from
    while (at < to && state !== "broken") {
      if (state === "complete") {
        if (!several) return at
        while (at < to && text.charCodeAt(at) !== 0x7b && text.charCodeAt(at) !== 0x5b) at++
        if (at === to) return to
        state = "reading"
        expected = "value"
      }
      at = value(text, at, to)
    }
    return at
  }

  const value = (text: string, from: number, to: number): number => {
    for (let at = from; at < to; at++) {
      const code = text.charCodeAt(at)
      if (quote !== 0) {
        if (escaped) escaped = false
        else if (code === 0x5c) escaped = true
        else if (code === quote) closeString()
      } else if (word && isWord(code)) {
        continue
      } else {
        if (word) {
          word = false
          ended()
          if (open.length === 0) return at
        }
        if (isSpace(code)) continue
        if (after === "anything" && open.length === 0 && expected === "value" && code !== 0x7b) continue
        if (!step(code)) {
          state = "broken"
          return at
        }
      }
      if (open.length === 0 && expected === "nothing") return at + 1
    }
    return to
  }

  return { read, state: () => state, inside: () => quote !== 0 }
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
