import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Alarm } from "../../src/Alarm.ts"
import { failed } from "./failed.ts"

/** The Durable Object's alarm. */
export const layer = (storage: DurableObjectStorage): Layer.Layer<Alarm> =>
  Layer.succeed(
    Alarm,
    Alarm.of({
      set: Effect.fn("Alarm.set")((at) =>
        Effect.tryPromise({ try: () => storage.setAlarm(at), catch: failed("Alarm.set") })
      ),
      clear: Effect.tryPromise({ try: () => storage.deleteAlarm(), catch: failed("Alarm.clear") }).pipe(
        Effect.withSpan("Alarm.clear")
      )
    })
  )

/** For a process that nobody wakes. */
export const layerNone: Layer.Layer<Alarm> = Layer.succeed(
  Alarm,
  Alarm.of({ set: () => Effect.void, clear: Effect.void })
)
