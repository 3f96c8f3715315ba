import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SnapshotFailed, Snapshots } from "../../src/Snapshots.ts"

/** Of a backend that keeps each file as it is written, or of no machine: there is nothing to save. */
export const layer: Layer.Layer<Snapshots> = Layer.succeed(
  Snapshots,
  Snapshots.of({
    save: () => Effect.fail(new SnapshotFailed({ detail: "there is no machine" })),
    keepOnly: () => Effect.void
  })
)
