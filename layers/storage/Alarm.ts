import { Clock, Effect, Layer } from "effect"
import { Alarm } from "../../src/Alarm.ts"
import { failed } from "./failed.ts"

/** Milliseconds after which a session that died goes on. */
const ahead = 2_000

/** The Durable Object's alarm. */
export const layer = (storage: DurableObjectStorage): Layer.Layer<Alarm> =>
  Layer.succeed(
    Alarm,
    Alarm.of({
      set: Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.tryPromise({ try: () => storage.setAlarm(now + ahead), catch: failed("Alarm.set") })
      ),
      clear: Effect.tryPromise({ try: () => storage.deleteAlarm(), catch: failed("Alarm.clear") })
    })
  )

/** For a process that nobody wakes. */
export const layerNone: Layer.Layer<Alarm> = Layer.succeed(Alarm, Alarm.of({ set: Effect.void, clear: Effect.void }))
