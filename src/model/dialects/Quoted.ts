import { type Code, tokens } from "./Code.ts"
import { collect, type Compiled } from "./Collect.ts"
import type { Grammar } from "./Grammar.ts"
import type { Hit } from "./Markers.ts"
import type { Cursor, Mode } from "./Spec.ts"
import { Turn } from "./Turn.ts"
import type { Options } from "./Types.ts"

export interface Quote {
  readonly grammar: Grammar
  readonly options: Options
  /** As it is where the call begins. */
  readonly code: Code
  /** The next marker that is one. */
  readonly next: (cursor: Cursor) => Hit | undefined
  /** It was no call at all. */
  readonly plain: (raw: string) => Mode
  /** It was an example: text, at whose end the code is over. */
  readonly example: (raw: string) => Mode
  /** It was meant, or was not in code: to be read as such. */
  readonly meant: (cursor: Cursor, raw: string, isOver: boolean) => Mode
}

/**
 * A call that stands in code. Some models put their calls between fences; others only show what one looks like. It is an example where
 * there is more in that code than calls, or where the answer goes on after it; until that shows, it is held back.
 */
export const quoted = (compiled: Compiled, quote: Quote): Mode => new Reader(quote).collect(compiled)

class Reader {
  private raw = ""
  /** Where code ended last, in `raw`. */
  private end = 0
  private calls = 0
  private readonly quote: Quote

  constructor(quote: Quote) {
    this.quote = quote
  }

  collect(compiled: Compiled): Mode {
    const { code, options, plain } = this.quote
    const turn = new Turn(options)
    let block = ""
    const then: Mode = () => {
      const { calls, content, problems } = turn.finish()
      if (calls.length + problems.length > 0) {
        this.calls++
        code.call()
      } else if (content !== "") {
        if (this.calls === 0) return plain(this.raw)
        code.read(block)
      }
      return this.read
    }
    return collect(compiled, turn, then, (raw) => {
      block = raw
      this.raw += raw
    })
  }

  private readonly read: Mode = (cursor) => {
    const { code, grammar, next } = this.quote
    const hit = next(cursor)
    const verdict = this.text(cursor, hit)
    if (verdict !== undefined) return verdict
    if (hit === undefined) return cursor.last ? this.quote.meant(cursor, this.raw, true) : undefined
    const compiled = grammar.blocks.get(hit.marker)
    if (compiled !== undefined) {
      if (!code.isOpen) return this.isExample(cursor)
      const { accepts, open } = compiled.block
      if (accepts?.(cursor.text, hit.at + open.length, new Turn(this.quote.options)) === undefined && accepts)
        return undefined
      cursor.at = hit.at + open.length
      return this.collect(grammar.families?.get(open)?.blocks.get(open) ?? compiled)
    }
    cursor.at = hit.at + hit.marker.length
    const means = grammar.opens.has(hit.marker) || grammar.jumps.has(hit.marker)
    return (means ? this.follow(cursor, hit.marker) : void (this.raw += hit.marker)) ?? this.read
  }

  /** Takes the text up to a marker, or as far as it is sure. */
  private text(cursor: Cursor, hit: Hit | undefined): Mode | undefined {
    const { markers } = this.quote.grammar
    const end = hit?.at ?? (cursor.last ? cursor.text.length : markers.settled(cursor.text, cursor.at))
    const text = cursor.text.slice(cursor.at, end)
    const sure = hit === undefined && !cursor.last ? text.replace(/(?:`+|~+)$/, "") : text
    for (const [token] of sure.matchAll(tokens)) {
      cursor.at += token.length
      const verdict = this.follow(cursor, token)
      if (verdict !== undefined) return verdict
    }
    return undefined
  }

  private follow(cursor: Cursor, token: string): Mode | undefined {
    const { code, example, meant } = this.quote
    const wasOpen = code.isOpen
    code.token(token)
    this.raw += token
    if (!wasOpen) return token.trim() === "" || code.isFence ? undefined : this.isExample(cursor)
    if (code.isOpen) return undefined
    if (token === "\n") return meant(cursor, this.raw, false)
    this.end = this.raw.length
    return code.isMixed ? example(this.raw) : undefined
  }

  /** What comes after the code is read as if nothing had been. */
  private isExample(cursor: Cursor): Mode {
    cursor.back(this.raw.slice(this.end))
    return this.quote.example(this.raw.slice(0, this.end))
  }
}
