import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type Cursor, OutboxCursor } from "../../src/OutboxCursor.ts"
import { failed } from "./failed.ts"

const key = "outbox"

/** In the storage of the session's own Durable Object, beside its tables. */
export const layer = (storage: DurableObjectStorage): Layer.Layer<OutboxCursor> =>
  Layer.succeed(OutboxCursor, {
    read: Effect.tryPromise({ try: () => storage.get<Cursor>(key), catch: failed("OutboxCursor.read") }).pipe(
      Effect.map(Option.fromUndefinedOr),
      Effect.withSpan("OutboxCursor.read")
    ),
    write: Effect.fn("OutboxCursor.write")((cursor) =>
      Effect.tryPromise({ try: () => storage.put(key, cursor), catch: failed("OutboxCursor.write") })
    )
  })

/** For a session in this process. */
export const layerMemory: Layer.Layer<OutboxCursor> = Layer.sync(OutboxCursor, () => {
  let kept: Cursor | undefined
  return OutboxCursor.of({
    read: Effect.sync(() => Option.fromUndefinedOr(kept)),
    write: (cursor) => Effect.sync(() => void (kept = cursor))
  })
})
