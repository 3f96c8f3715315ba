import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Process } from "./Playback.ts"

/** The time of the recording: it stands while nothing is logged, and a pause takes as long as it took. */
export const replayClock = (process: Process): Clock.Clock => {
  const millis = () => process.recorded.time
  const nanos = () => BigInt(millis()) * 1_000_000n
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: process.time,
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: () => process.sleep
  }
}
