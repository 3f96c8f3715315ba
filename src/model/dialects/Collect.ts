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
 */
export const collect = (compiled: Compiled, turn: Turn, then: Mode): Mode => {
  const { block, closes, markers, values } = compiled
  const scanner = block.scanner?.()
  let body = ""
  let candidate: Candidate | undefined
  let within: ValueTags | undefined

  const inside = (): boolean => within !== undefined || (scanner?.state() === "reading" && scanner.inside())
  const isComplete = (): boolean => scanner?.state() === "complete"

  const finish = (closed: boolean, cutOff = false): Mode => {
    if (turn.isFull) return then
    const whole = closed || isComplete() || block.isWhole?.(body) === true
    if (!whole && block.accepts === undefined) {
      if (block.isMention?.(body) === true) turn.text(block.open + body)
      else turn.incomplete(block.open + body, block.nameOf?.(body))
    } else {
      const rest = block.read(body, turn, { closed: whole, cutOff })
      if (rest === false) turn.text(block.open + body)
      else if (typeof rest === "string" && !closed) turn.text(rest)
    }
    return then
  }

  const goBack = (cursor: Cursor, { end, start }: Candidate): Mode => {
    cursor.back(body.slice(end))
    body = body.slice(0, start)
    within = undefined
    return finish(true)
  }

  /** Answers whether a value never ended: otherwise what comes next in a call would not be here. */
  const onTag = (marker: string, value: ValueTags): boolean => {
    if (within === undefined) {
      if (marker === value.open) within = value
      return false
    }
    if (within !== value) return false
    if (marker !== value.close && candidate !== undefined) return true
    if (marker === value.close || marker === value.next) within = undefined
    candidate = undefined
    return false
  }

  const advance = (cursor: Cursor, to: number): void => {
    body += cursor.text.slice(cursor.at, to)
    cursor.at = to
  }

  return (cursor) => {
    for (;;) {
      const hit = markers.find(cursor.text, cursor.at, cursor.last)
      const end = hit?.at ?? (cursor.last ? cursor.text.length : markers.settled(cursor.text, cursor.at))
      const stop = scanner === undefined ? end : scanner.read(cursor.text, cursor.at, end)
      if (block.endsWithValue === true && (isComplete() || (stop < end && block.accepts !== undefined))) {
        advance(cursor, stop)
        return finish(isComplete())
      }
      advance(cursor, end)
      if (candidate !== undefined && scanner?.state() === "broken") return goBack(cursor, candidate)
      if (hit === undefined) {
        if (!cursor.last) return undefined
        if (candidate !== undefined && (inside() || !(isComplete() || scanner === undefined)))
          return goBack(cursor, candidate)
        const partial = inside() || turn.isTruncated ? 0 : partialClose(body, block.closes)
        body = body.slice(0, body.length - partial)
        return finish(partial > 0, true)
      }
      const { marker } = hit
      const after = cursor.at + marker.length
      const value = values.get(marker)
      if (value !== undefined) {
        if (scanner?.follows?.() !== true && onTag(marker, value)) return goBack(cursor, candidate!)
      } else if (!inside()) {
        if (closes.has(marker)) cursor.at = after
        return finish(true)
      } else if (closes.has(marker)) {
        candidate ??= { start: body.length, end: body.length + marker.length }
      }
      scanner?.read(cursor.text, cursor.at, after)
      advance(cursor, after)
    }
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
