import type { Scanner } from "./JsonScanner.ts"
import * as Markers from "./Markers.ts"
import type { Block, Cursor, Mode, ValueTags } from "./Spec.ts"
import type { Turn } from "./Turn.ts"

/** A closing marker that came within a value. It counts only if the value never ends. */
interface Candidate {
  readonly start: number
  readonly end: number
}

/** A block with the markers that matter inside it. */
export interface Compiled {
  readonly block: Block
  readonly markers: Markers.Markers
  readonly closes: ReadonlySet<string>
  /** By the markers with which they begin and end. */
  readonly values: ReadonlyMap<string, ValueTags>
}

/** @param ends markers of the family that end any block without belonging to it: the opening of the next, the end of the turn. */
export const compile = (block: Block, ends: ReadonlyArray<string>): Compiled => {
  const { closes, values = [] } = block
  const byMarker = values.flatMap((value) =>
    [value.next, value.close, value.open].flatMap((marker) => (marker === undefined ? [] : [[marker, value] as const]))
  )
  return {
    block,
    markers: Markers.make([...closes, ...byMarker.map(([marker]) => marker), ...ends]),
    closes: new Set(closes),
    values: new Map(byMarker)
  }
}

/**
 * Gathers a block up to its end, reading every character once. Only a value that never ends makes it go back, to the first closing marker
 * within that value; the text after that is then read again.
 *
 * @param taken gets the text of the whole block, with its markers.
 */
export const collect = (compiled: Compiled, turn: Turn, then: Mode, taken?: (raw: string) => void): Mode => {
  const collector = new Collector(compiled, turn, then, taken)
  return (cursor) => collector.read(cursor)
}

class Collector {
  private body = ""
  private candidate: Candidate | undefined
  private within: ValueTags | undefined
  private close = ""
  private readonly compiled: Compiled
  private readonly turn: Turn
  private readonly next: Mode
  private readonly scanner: Scanner | undefined
  private readonly taken: ((raw: string) => void) | undefined

  constructor(compiled: Compiled, turn: Turn, next: Mode, taken: ((raw: string) => void) | undefined) {
    this.compiled = compiled
    this.turn = turn
    this.next = next
    this.taken = taken
    this.scanner = compiled.block.scanner?.()
  }

  read(cursor: Cursor): Mode | undefined {
    const { block, closes, markers, values } = this.compiled
    const { scanner } = this
    for (;;) {
      const { end, hit } = Markers.ahead(cursor, markers)
      const stop = scanner === undefined ? end : scanner.read(cursor.text, cursor.at, end)
      if (block.endsWithValue === true && (this.isComplete || (stop < end && block.accepts !== undefined))) {
        this.advance(cursor, stop)
        return this.finish(this.isComplete)
      }
      this.advance(cursor, end)
      if (this.candidate !== undefined && scanner?.state() === "broken") return this.goBack(cursor, this.candidate)
      if (hit === undefined) return cursor.last ? this.end(cursor) : undefined
      const { marker } = hit
      const after = cursor.at + marker.length
      const value = values.get(marker)
      if (value !== undefined) {
        if (scanner?.follows?.() !== true && this.onTag(marker, value)) return this.goBack(cursor, this.candidate!)
      } else if (!this.isInside) {
        if (closes.has(marker)) {
          cursor.at = after
          this.close = marker
        }
        return this.finish(true)
      } else if (closes.has(marker)) {
        this.candidate ??= { start: this.body.length, end: this.body.length + marker.length }
      }
      scanner?.read(cursor.text, cursor.at, after)
      this.advance(cursor, after)
    }
  }

  private get isInside(): boolean {
    return this.within !== undefined || (this.scanner?.state() === "reading" && this.scanner.inside())
  }

  private get isComplete(): boolean {
    return this.scanner?.state() === "complete"
  }

  private advance(cursor: Cursor, to: number): void {
    this.body += cursor.text.slice(cursor.at, to)
    cursor.at = to
  }

  private end(cursor: Cursor): Mode {
    const { body, candidate, turn } = this
    if (candidate !== undefined && (this.isInside || !(this.isComplete || this.scanner === undefined)))
      return this.goBack(cursor, candidate)
    const partial = this.isInside || turn.isTruncated ? 0 : partialClose(body, this.compiled.block.closes)
    this.body = body.slice(0, body.length - partial)
    this.close = body.slice(this.body.length)
    return this.finish(partial > 0, true)
  }

  private finish(closed: boolean, cutOff = false): Mode {
    const { body, next, turn } = this
    const { block } = this.compiled
    this.taken?.(block.open + body + this.close)
    if (turn.isFull) return next
    const whole = closed || this.isComplete || block.isWhole?.(body, turn) === true
    if (!whole && block.accepts === undefined) {
      if (block.isMention?.(body) === true) turn.text(block.open + body)
      else turn.incomplete(block.open + body, block.nameOf?.(body))
    } else {
      const rest = block.read(body, turn, { closed: whole, cutOff })
      if (rest === false) {
        turn.text(block.open + body)
        turn.afterJson = whole && block.open === "{"
      } else if (typeof rest === "string" && !closed) turn.text(rest)
    }
    return next
  }

  private goBack(cursor: Cursor, { end, start }: Candidate): Mode {
    cursor.back(this.body.slice(end))
    this.close = this.body.slice(start, end)
    this.body = this.body.slice(0, start)
    this.within = undefined
    return this.finish(true)
  }

  /** Answers whether a value never ended: otherwise what comes next in a call would not be here. */
  private onTag(marker: string, value: ValueTags): boolean {
    if (this.within === undefined) {
      if (marker === value.open) this.within = value
      return false
    }
    if (this.within !== value) return false
    if (marker !== value.close && this.candidate !== undefined) return true
    if (marker === value.close || marker === value.next) this.within = undefined
    this.candidate = undefined
    return false
  }
}

/** How much of the end of a cut-off text is the beginning of a closing marker. */
const partialClose = (body: string, closes: ReadonlyArray<string>): number => {
  for (const close of closes) {
    for (let length = Math.min(close.length - 1, body.length); length >= 3; length--) {
      if (body.endsWith(close.slice(0, length))) return length
    }
  }
  return 0
}
