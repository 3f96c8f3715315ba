import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Rebuild } from "../../src/loop/Rebuild.ts"
import { Playback } from "../../src/trace/Playback.ts"

/** Makes no files: what became of it is told from the record. */
export const layer: Layer.Layer<Rebuild, never, Playback> = Layer.effect(
  Rebuild,
  Effect.map(Playback, (playback) => Rebuild.of({ rebuild: () => playback.rebuilt }))
)
