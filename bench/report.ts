import type { Samples } from "./scenarios.ts"

export const percentile = (samples: ReadonlyArray<number>, share: number): number => {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const p50 = (samples: ReadonlyArray<number>) => percentile(samples, 0.5)

export const digits = (value: number) => (Number.isNaN(value) ? "-" : value.toFixed(value < 100 ? 2 : 0))
const times = (value: number) => (Number.isNaN(value) ? "-" : `${value.toFixed(2)}x`)

const spread = (samples: ReadonlyArray<number>) => `${digits(p50(samples))} / ${digits(percentile(samples, 0.95))}`
const growth = ({ firstTen, lastTen }: Samples) => p50(lastTen) / p50(firstTen)
const longGrowth = ({ firstFifty, lastFifty }: Samples) => p50(lastFifty) / p50(firstFifty)

export interface Row {
  readonly what: string
  readonly hand: string
  readonly ownloop: string
  /** Ownloop's number over the hand loop's. */
  readonly ratio: string
  readonly limit: string
  /** Undefined where there is no limit. */
  readonly over: boolean | undefined
}

export interface Results {
  readonly samples: Samples
  readonly gzipKiB: number
  /** Growth of the runtime's memory; NaN where the system does not tell. */
  readonly mibPerSession: number
}

/** Noise moves a median by a fifth from one part of a session to another; what is meant is growth with the number of turns. */
const flat = 1.25

const compared = (
  what: string,
  of: (samples: Samples) => ReadonlyArray<number>,
  limit?: number
): ((hand: Results, ownloop: Results) => Row) => {
  return (hand, ownloop) => {
    const ratio = p50(of(ownloop.samples)) / p50(of(hand.samples))
    return {
      what,
      hand: spread(of(hand.samples)),
      ownloop: spread(of(ownloop.samples)),
      ratio: times(ratio),
      limit: limit === undefined ? "" : `${limit}x`,
      over: limit === undefined ? undefined : !(ratio <= limit)
    }
  }
}

const rowMakers: ReadonlyArray<(hand: Results, ownloop: Results) => Row> = [
  compared("gap, one call, ms", ({ gaps }) => gaps, 3),
  (hand, ownloop) => ({
    what: "gap, turns 1-10 -> 51-60, p50 ms",
    hand: `${digits(p50(hand.samples.firstTen))} -> ${digits(p50(hand.samples.lastTen))}`,
    ownloop: `${digits(p50(ownloop.samples.firstTen))} -> ${digits(p50(ownloop.samples.lastTen))}`,
    ratio: `grows ${times(growth(ownloop.samples))}`,
    limit: `grows ${flat}x`,
    over: !(growth(ownloop.samples) <= flat)
  }),
  (hand, ownloop) => {
    const ratio = longGrowth(ownloop.samples)
    const shown = ({ firstFifty, lastFifty }: Samples) => `${digits(p50(firstFifty))} -> ${digits(p50(lastFifty))}`
    return {
      what: "gap, turns 1-50 -> 951-1,000, p50 ms",
      hand: shown(hand.samples),
      ownloop: shown(ownloop.samples),
      ratio: Number.isNaN(ratio) ? "-" : `grows ${times(ratio)}`,
      limit: `grows ${flat}x`,
      over: Number.isNaN(ratio) ? undefined : ratio > flat
    }
  },
  compared("gap, four calls at once, ms", ({ gapsOfFour }) => gapsOfFour),
  compared("2,000 deltas, sent in one go, ms", ({ streams }) => streams, 6),
  compared("2,000 deltas, sent one by one, ms", ({ trickles }) => trickles),
  compared("new session, ms", ({ fresh }) => fresh, 2),
  compared("turns/s, 8 sessions at once", ({ crowd }) => crowd),
  compared("CPU per turn, ms", ({ cpu }) => cpu, 3),
  (hand, ownloop) => ({
    what: "memory per session, MiB",
    hand: digits(hand.mibPerSession),
    ownloop: digits(ownloop.mibPerSession),
    ratio: times(ownloop.mibPerSession / hand.mibPerSession),
    limit: "",
    over: undefined
  }),
  (hand, ownloop) => ({
    what: "Worker, gzip, minified, KiB",
    hand: digits(hand.gzipKiB),
    ownloop: digits(ownloop.gzipKiB),
    ratio: "",
    limit: "350 KiB",
    over: !(ownloop.gzipKiB <= 350)
  })
]

export const rows = (hand: Results, ownloop: Results): ReadonlyArray<Row> =>
  rowMakers.map((make) => make(hand, ownloop))

/** A Markdown table. */
export const table = (rows: ReadonlyArray<Row>): string => {
  const lines = [
    ["p50 / p95", "hand loop", "Ownloop", "ratio", "limit", ""],
    ...rows.map(({ what, hand, ownloop, ratio, limit, over }) => [
      what,
      hand,
      ownloop,
      ratio,
      limit,
      over === undefined ? "" : over ? "OVER" : "ok"
    ])
  ]
  const widths = lines[0]!.map((_, column) => Math.max(3, ...lines.map((line) => line[column]!.length)))
  const print = (line: ReadonlyArray<string>) => `| ${line.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`
  const rule = widths.map((width) => "-".repeat(width))
  return [lines[0]!, rule, ...lines.slice(1)].map(print).join("\n")
}
