import { env } from "cloudflare:workers"
import { Effect, Layer, Option } from "effect"
import * as Product from "../../layers/storage/SessionLogSqlite.ts"
import type { SessionEvent } from "../../src/domain/Event.ts"
import { Storage } from "../../src/Storage.ts"

// Stands in the place of the product's module of this name (`alias` in build.ts).

/** What the outside is told around every append. The session goes on when it is answered, and is killed there if it is not. */
export interface CrashPoint {
  readonly session: string
  readonly when: "before" | "after"
  readonly events: ReadonlyArray<SessionEvent>
}

const { CRASH_POINTS } = env as unknown as { readonly CRASH_POINTS: string } // Known to this Worker's configuration alone.

/** An object's requests leave only once what it wrote is on disk: what is told as appended is durable. */
const tell = (point: CrashPoint) =>
  Effect.promise((signal) => fetch(CRASH_POINTS, { method: "POST", body: JSON.stringify(point), signal }))

/** The product's log, which asks the outside before and after every append. */
export const layer = (storage: DurableObjectStorage): Layer.Layer<Storage> =>
  Layer.effect(
    Storage,
    Effect.gen(function* () {
      const product = yield* Storage
      const ask = Effect.fnUntraced(function* (when: CrashPoint["when"], events: ReadonlyArray<SessionEvent>) {
        const { id } = Option.getOrThrow(yield* product.record)
        yield* tell({ session: id, when, events })
      })
      return Storage.of({
        ...product,
        append: Effect.fn("Storage.append")(function* (events) {
          yield* ask("before", events)
          const entries = yield* product.append(events)
          yield* ask("after", events)
          return entries
        })
      })
    })
  ).pipe(Layer.provide(Product.layer(storage)))
