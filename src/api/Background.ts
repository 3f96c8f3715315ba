import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Does something that the answer does not wait for. A platform that ends with its answers says here how to stay for it. */
export const Background = Context.Reference<(effect: Effect.Effect<void>) => Effect.Effect<void>>(
  "ownloop/api/Background",
  { defaultValue: () => (effect) => Effect.asVoid(Effect.forkDetach(effect)) }
)
