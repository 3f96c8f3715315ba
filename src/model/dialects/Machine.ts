import { Code } from "./Code.ts"
import { collect, compile, type Compiled } from "./Collect.ts"
import { make as makeFeed } from "./Feed.ts"
import type { Grammar } from "./Grammar.ts"
import * as Markers from "./Markers.ts"
import type { Block, Cursor, Machine, Mode, Thinking } from "./Spec.ts"
import { quoted } from "./Quoted.ts"
import { Turn } from "./Turn.ts"
import type { Delta, Options, Parsed } from "./Types.ts"

export interface Parser {
  readonly push: (chunk: string) => ReadonlyArray<Delta>
  readonly end: (truncated?: boolean) => Parsed
}

/**
 * One machine reads any family; the grammar says what the markers mean.
 *
 * @param isFinal calls in reasoning are meant, where they are calls at all.
 */
export const make = (given: Grammar, options: Options, isFinal = false): Parser => {
  let grammar = given
  const turn = new Turn(options)
  turn.trims = grammar.spec.trims === true
  turn.isDoubtful = isFinal
  const feed = makeFeed()
  const { cursor } = feed
  /** What was said of calls in reasoning that then ended. */
  let mused = ""
  /** What of the content is code, up to the last call in it; undefined where none is an example any more. */
  let code: Code | undefined = new Code()
  /** The markers that end the thinking that is open. */
  let thinking: ReadonlyArray<Thinking> = grammar.spec.thinking

  const text: Mode = (at) => {
    const { from, hit } = nextMarker(at)
    const end = hit?.at ?? (at.last ? at.text.length : grammar.markers.settled(at.text, from))
    if (end > at.at) turn.text(at.text.slice(at.at, end))
    at.at = end
    return hit === undefined ? undefined : on(at, hit.marker)
  }

  /** The first marker that is one, and from where on it was looked for. */
  const nextMarker = (at: Cursor, isText = isOrdinary) => {
    const { markers } = grammar
    let from = at.at
    let hit = markers.find(at.text, from, at.last)
    while (hit !== undefined && isText(at, hit)) {
      from = hit.at + hit.marker.length
      hit = markers.find(at.text, from, at.last)
    }
    return { from, hit }
  }

  /** Whether an opening that is also ordinary text is only that. */
  const isOrdinary = ({ last, text }: Cursor, { at, marker }: Markers.Hit): boolean => {
    const block = grammar.blocks.get(marker)?.block
    if (block?.accepts === undefined) return false
    if (turn.isFull) return true
    const accepted = !turn.isThinking && block.accepts(text, at + marker.length, turn)
    return accepted === false || (accepted === undefined && last)
  }

  const skip = (at: Cursor, marker: string, literal = false): Mode => {
    if (literal) turn.text(marker)
    at.at += marker.length
    return text
  }

  const on = (at: Cursor, marker: string): Mode | undefined => {
    const jump = grammar.jumps.get(marker)
    if (jump !== undefined) {
      settle(marker)
      at.at += marker.length
      return jump(machine)
    }
    const compiled = grammar.blocks.get(marker)
    if (compiled !== undefined) return onBlock(at, compiled)
    const opened = grammar.opens.get(marker)
    if (opened !== undefined) return onThink(at, marker, opened)
    const closed = grammar.closes.get(marker)
    if (closed !== undefined) return onAnswer(at, marker)
    if (grammar.answers.has(marker)) turn.answer()
    if (grammar.sections.has(marker)) {
      settle(marker)
      if (turn.isThinking && !isFinal) return musing()
      turn.answer()
    }
    return skip(at, marker, grammar.strays.has(marker) && !turn.afterCall && !grammar.dropped.has(marker))
  }

  /** A marker that only one family has says which family it is. */
  const settle = (marker: string): void => {
    grammar = grammar.families?.get(marker) ?? grammar
    turn.trims = grammar.spec.trims === true
  }

  const onThink = (at: Cursor, marker: string, opened: ReadonlyArray<Thinking>): Mode => {
    const begins = turn.isBlank || opened.some(({ anywhere }) => anywhere === true)
    // A prompt that opened the thinking block does not keep some models from opening it once more.
    if (turn.isThinking) return skip(at, marker, !turn.isBlank)
    if (!begins) return skip(at, marker, true)
    turn.think()
    thinking = opened
    const label = opened.find((one) => one.label !== undefined)?.label
    at.at += marker.length
    return label === undefined ? text : skipLabel(label)
  }

  const skipLabel =
    (label: string): Mode =>
    (at) => {
      const rest = at.text.length - at.at
      if (rest < label.length && !at.last && label.startsWith(at.text.slice(at.at))) return undefined
      if (at.text.startsWith(label, at.at)) at.at += label.length
      return text
    }

  const onAnswer = (at: Cursor, marker: string): Mode => {
    if (turn.isThinking && thinking.some(({ close }) => close === marker)) {
      turn.answer()
      return skip(at, marker)
    }
    const lone = turn.isBlank && options.startsInThinking === undefined
    if (lone) turn.answer()
    return skip(at, marker, !lone && !grammar.dropped.has(marker))
  }

  const onBlock = (at: Cursor, compiled: Compiled): Mode | undefined => {
    const { block } = compiled
    if (block.accepts?.(at.text, at.at + block.open.length, turn) === undefined && block.accepts) return undefined
    if (!turn.isThinking && !turn.isFull && code !== undefined) {
      code.read(turn.takeRecent())
      if (code.isOpen) {
        at.at += block.open.length
        return quote(grammar.families?.get(block.open)?.blocks.get(block.open) ?? compiled, code)
      }
    }
    if (block.accepts === undefined) {
      settle(block.open)
      if (turn.isThinking && !isFinal) return musing()
      turn.beginCall()
    }
    at.at += block.open.length
    return collect(grammar.blocks.get(block.open) ?? compiled, turn, text)
  }

  const quote = (compiled: Compiled, before: Code): Mode => {
    const follows = before.copy()
    return quoted(compiled, {
      grammar,
      options,
      code: follows,
      // The end of a fence is for the fence to know.
      next: (at) => nextMarker(at, (at, hit) => /^`+$/.test(hit.marker) || isOrdinary(at, hit)).hit,
      plain: (raw) => {
        turn.text(raw)
        return text
      },
      example: (raw) => {
        turn.text(raw)
        turn.takeRecent()
        code = follows
        return text
      },
      meant: (at, raw, isOver) => {
        before.forget()
        if (isOver) code = undefined
        at.back(raw)
        return text
      }
    })
  }

  /**
   * A call within reasoning. Some models only consider it there and go on to reason; others forget to end the reasoning before they call.
   * Which of the two it is shows where the reasoning ends, or does not.
   */
  const musing = (): Mode => {
    const markers = Markers.make(thinking.map(({ close }) => close))
    let held = ""
    return (at) => {
      const { end, hit } = Markers.ahead(at, markers)
      held += at.text.slice(at.at, end)
      at.at = end
      if (hit !== undefined) {
        turn.text(held)
        mused += held
        return text
      }
      if (!at.last) return undefined
      const { calls, problems } = within(held)
      if (turn.isTruncated || calls.length + problems.length === 0) {
        turn.text(held)
        for (const problem of problems) if (problem.type === "incomplete_call") turn.refuse(problem)
      } else {
        isFinal = turn.isDoubtful = true
        at.back(held)
      }
      return text
    }
  }

  /** What a part of the reasoning would mean if it was meant. */
  const within = (text: string): Parsed => {
    const parser = make(grammar, { ...options, startsInThinking: false, truncated: turn.isTruncated }, true)
    parser.push(text)
    return parser.end()
  }

  const machine: Machine = {
    turn,
    text,
    collect: (block: Block, then = text) => collect(compile(block, grammar.ends), turn, then)
  }
  if (options.startsInThinking === true) turn.think()
  let mode = grammar.spec.start?.(machine) ?? text

  const run = (last: boolean): void => {
    while (feed.next(last)) for (let next = mode(cursor); next !== undefined; next = mode(cursor)) mode = next
  }

  return {
    push: (chunk) => {
      feed.add(chunk)
      run(false)
      return turn.drain()
    },
    end: (truncated = turn.isTruncated) => {
      turn.isTruncated = truncated
      run(true)
      // Nothing came after the reasoning: then the calls in it were meant.
      if (mused !== "" && turn.saysNothing && !truncated) {
        isFinal = turn.isDoubtful = true
        turn.mute()
        mode = text
        cursor.back(mused)
        run(true)
      }
      return turn.finish()
    }
  }
}
