import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Storage } from "../../src/Storage.ts"
import { Playback } from "../../src/trace/Playback.ts"

/** Over a storage in memory: logs what was recorded, where the loop logs the same. */
export const layer: Layer.Layer<Storage, never, Playback | Storage> = Layer.effect(
  Storage,
  Effect.gen(function* () {
    const memory = yield* Storage
    const playback = yield* Playback
    return Storage.of({
      ...memory,
      append: Effect.fn("Storage.append")(function* (events) {
        if (playback.isDead) return yield* Effect.never
        const entries = yield* memory.append(yield* playback.expect(events))
        playback.logged(entries.length)
        return entries
      })
    })
  })
)
