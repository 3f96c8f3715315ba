import type { Cursor } from "./Spec.ts"

/** How much is looked at in one go, so that a search for what is not there stays short. */
const window = 4_096

/** The text to read, of which a part may be put back. */
export interface Feed {
  readonly cursor: Cursor
  readonly add: (text: string) => void
  /** Moves on to more text, or to the end where `last` says that this is it; false where there is nothing more to read. */
  readonly next: (last: boolean) => boolean
}

export const make = (): Feed => {
  /** What is to be read, the next of it on top. */
  const sources: Array<{ readonly text: string; at: number }> = []
  const cursor: Cursor = {
    text: "",
    at: 0,
    last: false,
    ahead: new Map(),
    back: (text) => {
      forget()
      const unread = cursor.text.slice(cursor.at)
      cursor.text = ""
      cursor.at = 0
      cursor.last = false
      for (const one of [unread, text]) if (one !== "") sources.push({ text: one, at: 0 })
    }
  }

  /** To clear a map costs something even where it is empty. */
  const forget = (): void => {
    if (cursor.ahead.size > 0) cursor.ahead.clear()
  }

  const next = (last: boolean): boolean => {
    const source = sources.at(-1)
    if (source === undefined && (!last || cursor.last)) return false
    forget()
    if (source === undefined) {
      cursor.last = true
      return true
    }
    const piece = source.text.slice(source.at, source.at + window)
    source.at += window
    if (source.at >= source.text.length) sources.pop()
    cursor.text = cursor.at === cursor.text.length ? piece : cursor.text.slice(cursor.at) + piece
    cursor.at = 0
    return true
  }

  // All that was added before is read by now, or waits in the cursor.
  const add = (text: string): void => {
    if (text !== "") sources.push({ text, at: 0 })
  }

  return { cursor, add, next }
}
