import { Effect, Option, Stream } from "effect"
import { replay } from "../../layers/replay.ts"
import { Storage } from "../../src/Storage.ts"
import * as Export from "../../src/trace/Export.ts"
import { exportSession } from "../../src/trace/exportSession.ts"
import * as OtlpJson from "../../src/trace/otlp.ts"
import { decode, spanFaults } from "./otlp.ts"
import { faults, tracesOf } from "./traces.ts"

/** The session in the storage as it would be exported now. */
export const exported = Effect.gen(function* () {
  const storage = yield* Storage
  const record = Option.getOrThrow(yield* storage.record)
  const log = yield* storage.log(0, 100_000)
  return (yield* Stream.runCollect(yield* exportSession(record, log.length))).join("")
})

/** Fails where the session of this file does not run again as it did, or where its traces are not whole, in the log or for a collector. */
export const runsAgain = Effect.fnUntraced(function* (file: string) {
  const recorded = yield* Export.parse(file)
  const again = recorded.entries.filter(({ event }) => event.type !== "span.egress_request")
  const count = yield* replay(recorded)
  if (count !== again.length) return yield* Effect.die(`${count} of ${again.length} events were logged again`)
  const traces = tracesOf(recorded)
  const over = traces.filter(({ root }) => root.ended_at !== null)
  const wrong = [...traces.flatMap(faults), ...spanFaults(decode(OtlpJson.encode(over)))]
  if (wrong.length > 0) return yield* Effect.die(`its traces are wrong: ${wrong.join("; ")}`)
})

/** The same for the session in the storage. */
export const replays = Effect.flatMap(exported, runsAgain)
