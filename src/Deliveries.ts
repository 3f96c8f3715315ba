import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { PageQuery } from "./Catalog.ts"
import type { Timestamp } from "./domain/Common.ts"
import type { Delivery } from "./domain/Delivery.ts"
import type { SessionId, TaskId } from "./domain/Ids.ts"
import type { StorageError } from "./Storage.ts"

export interface Due {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Until when nobody else is given them, in milliseconds since the epoch. */
  readonly leaseUntil: number
  readonly limit: number
  /** Of one session or task alone. */
  readonly of?: SessionId | TaskId
}

/** Messages on their way to the outside. They are kept after they arrived, so that they can be sent again. */
export class Deliveries extends Context.Service<
  Deliveries,
  {
    /** Adds them in this order, each one once: its id tells whether it is there. */
    add(deliveries: ReadonlyArray<Delivery>): Effect.Effect<void, StorageError>
    /** Takes deliveries that may be tried now: of one session to one place, only the first that is pending. */
    take(due: Due): Effect.Effect<ReadonlyArray<Delivery>, StorageError>
    /** Notes what an attempt came to. One that is pending is tried again at `nextAt`; behind any other the next one may leave. */
    put(delivery: Delivery, nextAt: number | null): Effect.Effect<void, StorageError>
    delivery(id: string): Effect.Effect<Option.Option<Delivery>, StorageError>
    /** Newest first, without their payloads. */
    deliveries(
      page: PageQuery & {
        readonly sessionId?: SessionId
        readonly taskId?: TaskId
        readonly status?: Delivery["status"]
      }
    ): Effect.Effect<ReadonlyArray<Delivery>, StorageError>
    /** Forgets those that are not pending and were last touched before this time. */
    deleteBefore(time: Timestamp): Effect.Effect<void, StorageError>
  }
>()("ownloop/Deliveries") {}
