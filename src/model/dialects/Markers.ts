import type { Cursor } from "./Spec.ts"

/** A set of literal markers that text is searched for. */
export interface Markers {
  /** The first marker in `text` at or after `from`; undefined where there is none, or where it may still become a longer one. */
  readonly find: (text: string, from: number, last: boolean) => Hit | undefined
  /** Where the end of `text` begins that may still become a marker; `text.length` where nothing may. */
  readonly settled: (text: string, from: number) => number
}

export interface Hit {
  readonly marker: string
  readonly at: number
}

/** The next marker, and where the text ends of which it is sure that it holds none. */
export interface Ahead {
  readonly hit: Hit | undefined
  readonly end: number
}

/** What stands ahead of a cursor. */
export const ahead = (cursor: Cursor, markers: Markers): Ahead => {
  const known = cursor.ahead.get(markers)
  if (known !== undefined && known.end >= cursor.at) return known
  const hit = markers.find(cursor.text, cursor.at, cursor.last)
  const end = hit?.at ?? (cursor.last ? cursor.text.length : markers.settled(cursor.text, cursor.at))
  const found = { hit, end }
  cursor.ahead.set(markers, found)
  return found
}

/** The markers are plain text, so the pattern made of them cannot backtrack further than the longest one. */
export const make = (markers: ReadonlyArray<string>): Markers => {
  const all = [...new Set(markers)].sort((a, b) => b.length - a.length)
  if (all.length === 0) return { find: () => undefined, settled: (text) => text.length }
  const pattern = new RegExp(all.map((marker) => marker.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g")
  const beginnings = new Set(all.flatMap((marker) => Array.from(marker, (_, index) => marker.slice(0, index))))
  beginnings.delete("")
  const firsts = firstsOf(all)
  const longest = all[0]!.length

  const settled = (text: string, from: number): number => {
    for (let at = Math.max(from, text.length - longest + 1); at < text.length; at++) {
      if (firsts(text.charCodeAt(at)) && beginnings.has(text.slice(at))) return at
    }
    return text.length
  }

  const mayBegin = (text: string, from: number): boolean => {
    for (let at = from; at < text.length; at++) if (firsts(text.charCodeAt(at))) return true
    return false
  }

  const find = (text: string, from: number, last: boolean): Hit | undefined => {
    if (text.length - from < short && !mayBegin(text, from)) return undefined
    pattern.lastIndex = from
    const match = pattern.exec(text)
    if (match === null) return undefined
    // Near the end, what looks like one marker may be the middle or the beginning of a longer one.
    const isOpen = !last && text.length - match.index < longest && settled(text, from) <= match.index
    return isOpen ? undefined : { marker: match[0], at: match.index }
  }

  return { find, settled }
}

/** Of so short a text, such as one word of a stream, a look at each character costs less than to begin with a pattern. */
const short = 32

/** Whether a marker begins with a character. */
const firstsOf = (markers: ReadonlyArray<string>): ((code: number) => boolean) => {
  const all = new Set(markers.map((marker) => marker.charCodeAt(0)))
  const latin = Uint8Array.from({ length: 256 }, (_, code) => (all.has(code) ? 1 : 0))
  return (code) => (code < 256 ? latin[code] === 1 : all.has(code))
}
