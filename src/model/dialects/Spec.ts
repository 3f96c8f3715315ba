import type { Scanner } from "./JsonScanner.ts"
import type { Ahead, Markers } from "./Markers.ts"
import type { Turn } from "./Turn.ts"

/** How one family writes a turn. */
export interface Spec {
  readonly thinking: ReadonlyArray<Thinking>
  readonly blocks: ReadonlyArray<Block>
  /** Markers that mean nothing to a reader and are dropped: ends of turns, brackets around a group of calls. */
  readonly dropped?: ReadonlyArray<string>
  /** Markers that announce calls, and are dropped. */
  readonly sections?: ReadonlyArray<string>
  /** Markers that end the reasoning, and are dropped. */
  readonly answers?: ReadonlyArray<string>
  /** Space between text and calls is the format's, not the text's. */
  readonly trims?: boolean
  /** Markers after which the family reads by itself. */
  readonly jumps?: ReadonlyArray<Jump>
  /** How a turn begins, where that is not simply text. */
  readonly start?: (machine: Machine) => Mode
}

export interface Jump {
  readonly open: string
  readonly mode: (machine: Machine) => Mode
}

export interface Thinking {
  readonly open: string
  readonly close: string
  /** A special token, which means thinking wherever it stands; a tag such as `<think>` does so only at the beginning. */
  readonly anywhere?: boolean
  /** A word that the model writes after the opening marker. */
  readonly label?: string
}

/** The text of one call, or of a group of calls that ends together. */
export interface Block {
  readonly open: string
  /** Markers that end it. Without any, it ends with its JSON value. */
  readonly closes: ReadonlyArray<string>
  /** Markers between which a value stands, in which other markers are only text. */
  readonly values?: ReadonlyArray<ValueTags>
  readonly scanner?: () => Scanner
  /** Ends where its value ends, whether a closing marker follows or not. */
  readonly endsWithValue?: boolean
  /** For openings that are also ordinary text: whether a call begins at `at`; undefined where more text is needed to tell. */
  readonly accepts?: (text: string, at: number, turn: Turn) => boolean | undefined
  /** Whether the text is whole although no closing marker came. */
  readonly isWhole?: (body: string, turn: Turn) => boolean
  /** Whether what was opened and never closed only speaks of the marker. */
  readonly isMention?: (body: string) => boolean
  /** Makes the calls. Answers what of the body was not part of any; `false` where all of it, and the opening, was only text. */
  readonly read: (body: string, turn: Turn, how: How) => string | false | void
  /** The name of the tool in a call that was cut off. */
  readonly nameOf?: (body: string) => string | undefined
}

export interface ValueTags {
  readonly open: string
  readonly close: string
  /** What comes next in a call, and so ends a value that lacks its closing tag. */
  readonly next?: string
}

export interface How {
  /** A closing marker came, or the value is whole. */
  readonly closed: boolean
  /** The text ended within it. */
  readonly cutOff: boolean
}

/** The text that is not consumed yet. */
export interface Cursor {
  text: string
  at: number
  /** No more text will come. */
  last: boolean
  /** What markers were found ahead, while the text stays as it is: many short blocks look for the same far one. */
  readonly ahead: Map<Markers, Ahead>
  /** Puts text back, to be read before anything else. */
  readonly back: (text: string) => void
}

/** Consumes what it can and answers who goes on; undefined where it needs more text. */
export type Mode = (cursor: Cursor) => Mode | undefined

export interface Machine {
  readonly turn: Turn
  readonly text: Mode
  readonly collect: (block: Block, then?: Mode) => Mode
}
