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

/** The markers are plain text, so the pattern made of them cannot backtrack further than the longest one. */
export const make = (markers: ReadonlyArray<string>): Markers => {
  const all = [...new Set(markers)].sort((a, b) => b.length - a.length)
  if (all.length === 0) return { find: () => undefined, settled: (text) => text.length }
  const pattern = new RegExp(all.map((marker) => marker.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g")
  const beginnings = new Set(all.flatMap((marker) => Array.from(marker, (_, index) => marker.slice(0, index))))
  beginnings.delete("")
  const firsts = new Set(all.map((marker) => marker.charCodeAt(0)))
  const longest = all[0]!.length

  const settled = (text: string, from: number): number => {
    for (let at = Math.max(from, text.length - longest + 1); at < text.length; at++) {
      if (firsts.has(text.charCodeAt(at)) && beginnings.has(text.slice(at))) return at
    }
    return text.length
  }

  const find = (text: string, from: number, last: boolean): Hit | undefined => {
    pattern.lastIndex = from
    const match = pattern.exec(text)
    if (match === null) return undefined
    // Near the end, what looks like one marker may be the middle or the beginning of a longer one.
    const isOpen = !last && text.length - match.index < longest && settled(text, from) <= match.index
    return isOpen ? undefined : { marker: match[0], at: match.index }
  }

  return { find, settled }
}
