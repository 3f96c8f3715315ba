import { compile, type Compiled } from "./Collect.ts"
import * as Markers from "./Markers.ts"
import type { Machine, Mode, Spec, Thinking } from "./Spec.ts"

/** A family's form, made ready to search text for. */
export interface Grammar {
  readonly spec: Spec
  readonly markers: Markers.Markers
  readonly blocks: ReadonlyMap<string, Compiled>
  readonly ends: ReadonlyArray<string>
  readonly opens: ReadonlyMap<string, ReadonlyArray<Thinking>>
  readonly closes: ReadonlyMap<string, Thinking>
  readonly strays: ReadonlySet<string>
  readonly dropped: ReadonlySet<string>
  readonly sections: ReadonlySet<string>
  readonly answers: ReadonlySet<string>
  readonly jumps: ReadonlyMap<string, (machine: Machine) => Mode>
  /** Whose the markers are, where several families are read at once. */
  readonly families?: ReadonlyMap<string, Grammar>
}

export const make = (spec: Spec): Grammar => {
  const { answers = [], blocks, dropped = [], jumps = [], sections = [], thinking } = spec
  const strays = blocks.flatMap((block) => block.closes)
  const starts = [...blocks.filter((block) => block.accepts === undefined), ...jumps].map(({ open }) => open)
  const ends = [...starts, ...dropped, ...sections, ...answers]
  const own = [...blocks.map((block) => block.open), ...thinking.flatMap(({ close, open }) => [open, close])]
  return {
    spec,
    markers: Markers.make([...own, ...strays, ...ends]),
    // Where two blocks open alike, the first one stands.
    blocks: new Map(blocks.toReversed().map((block) => [block.open, compile(block, ends)])),
    ends,
    opens: Map.groupBy(thinking, ({ open }) => open),
    closes: new Map(thinking.map((one) => [one.close, one])),
    strays: new Set(strays),
    dropped: new Set(dropped),
    sections: new Set(sections),
    answers: new Set(answers),
    jumps: new Map(jumps.map(({ mode, open }) => [open, mode]))
  }
}
