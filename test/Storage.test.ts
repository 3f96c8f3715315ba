import { assert, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as Memory from "../layers/storage/Memory.ts"
import { SessionEvent } from "../src/domain/Event.ts"
import { Storage } from "../src/Storage.ts"
import { contract, readLog } from "./Storage.contract.ts"
import { contractInNode } from "./support/inNode.ts"

contractInNode("Storage in memory", contract, Layer.mergeAll(Memory.storage, Memory.workspace))

it.effect.prop("any sequence of appends comes back in order", [Schema.Array(Schema.Array(SessionEvent))], ([batches]) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    yield* Effect.forEach(batches, (events) => storage.append(events))
    assert.deepStrictEqual(
      yield* readLog(2),
      batches.flat().map((event, index) => ({ seq: index + 1, event }))
    )
  }).pipe(Effect.provide(Memory.storage))
)
