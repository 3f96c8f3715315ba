import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Snapshots } from "../../src/Snapshots.ts"
import { Playback } from "../../src/trace/Playback.ts"

/** Saves nothing: the workspace is in the snapshots that it was in. */
export const layer: Layer.Layer<Snapshots, never, Playback> = Layer.effect(
  Snapshots,
  Effect.map(Playback, (playback) => Snapshots.of({ save: () => playback.saved, keepOnly: () => Effect.void }))
)
