import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PolicyAmendments } from "../../src/egress/amend.ts"
import { Playback } from "../../src/trace/Playback.ts"

/** Changes no policy: the session is told what it was told. */
export const layer: Layer.Layer<PolicyAmendments, never, Playback> = Layer.effect(
  PolicyAmendments,
  Effect.map(Playback, (playback) => ({
    allow: ({ id }) => Effect.map(playback.result({ id, name: "egress_request" }), ({ text }) => text)
  }))
)
