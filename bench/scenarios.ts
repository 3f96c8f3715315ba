import { setTimeout as sleep } from "node:timers/promises"
import type { Contender, Session } from "./contenders.ts"
import type { Script } from "./model.ts"
import { usage } from "./processes.ts"

const base: Script = { turns: 0, parallel: 1, deltas: 1, trickles: false }
const scripts = {
  oneCall: { ...base, turns: 60 },
  long: { ...base, turns: 1_000 },
  fourCalls: { ...base, turns: 20, parallel: 4 },
  stream: { ...base, deltas: 2_000 },
  trickle: { ...base, deltas: 2_000, trickles: true },
  fresh: base,
  crowd: { ...base, turns: 20 }
}

/** What a session leaves to do when it is over should not fall into the time of the next. */
export const rest = () => sleep(50)

/** Sessions at once in a crowd. */
const crowd = 8

/** What was measured of one contender, one entry per sample. Times are in milliseconds. */
export class Samples {
  readonly gaps: Array<number> = []
  readonly firstTen: Array<number> = []
  readonly lastTen: Array<number> = []
  readonly gapsOfFour: Array<number> = []
  /** Of the sessions of 1,000 turns: their first fifty gaps and their last. */
  readonly firstFifty: Array<number> = []
  readonly lastFifty: Array<number> = []
  readonly streams: Array<number> = []
  readonly trickles: Array<number> = []
  readonly fresh: Array<number> = []
  /** Turns in a second. */
  readonly crowd: Array<number> = []
  /** CPU time of the runtime per turn of one call. */
  readonly cpu: Array<number> = []
}

type Scenario = (contender: Contender, samples: Samples) => Promise<void>

const oneCall: Scenario = async (contender, { gaps, firstTen, lastTen, cpu }) => {
  const before = usage(contender.server)
  const session = await contender.run(scripts.oneCall)
  const after = usage(contender.server)
  gaps.push(...session.gaps)
  firstTen.push(...session.gaps.slice(0, 10))
  lastTen.push(...session.gaps.slice(-10))
  if (before !== undefined && after !== undefined) cpu.push((after.cpuMs - before.cpuMs) / scripts.oneCall.turns)
}

const fourCalls: Scenario = async (contender, { gapsOfFour }) => {
  gapsOfFour.push(...(await contender.run(scripts.fourCalls)).gaps)
}

const stream: Scenario = async (contender, { streams }) => {
  streams.push((await contender.run(scripts.stream)).wall)
}

const trickle: Scenario = async (contender, { trickles }) => {
  trickles.push((await contender.run(scripts.trickle)).wall)
}

const fresh: Scenario = async (contender, samples) => {
  for (let count = 0; count < 5; count++) {
    samples.fresh.push((await contender.run(scripts.fresh)).wall)
    await rest()
  }
}

const together: Scenario = async (contender, samples) => {
  const startedAt = performance.now()
  const sessions = await Promise.all(
    Array.from({ length: crowd }, (): Promise<Session> => contender.run(scripts.crowd))
  )
  const turns = sessions.reduce((sum, { gaps }) => sum + gaps.length, 0)
  samples.crowd.push((turns / (performance.now() - startedAt)) * 1_000)
}

/** Run a few times, when the rounds are over: one session that goes on and on. */
export const long: Scenario = async (contender, { firstFifty, lastFifty }) => {
  const { gaps } = await contender.run(scripts.long)
  firstFifty.push(...gaps.slice(0, 50))
  lastFifty.push(...gaps.slice(-50))
}

/** What one round does, each for both contenders before the next. */
export const scenarios: ReadonlyArray<Scenario> = [oneCall, fourCalls, stream, trickle, fresh, together]

/** Sessions that one contender opens in a round. */
export const sessionsPerRound = 4 + 5 + crowd
