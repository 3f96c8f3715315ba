import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ModelUsage } from "./domain/Event.ts"
import type { SessionRecord } from "./domain/Session.ts"
import type { StorageError } from "./Storage.ts"

/** A session as far as it is told to the outside. */
export interface Told {
  readonly record: SessionRecord
  readonly usage: ModelUsage
  /** USD. */
  readonly listCost: number
  /** Place of the latest turn's first event. */
  readonly turnSeq: number
}

/**
 * Tells the outside what became of a session: the task that it was started for, and whoever wants its events. What is to be told is the log
 * itself, from the place on up to which it was told: so nothing is lost between the two, and some of it may be told twice.
 */
export class Outbox extends Context.Service<
  Outbox,
  {
    /** The session is about to be created: what becomes of it is told, from after these entries of its log on, which it inherits. */
    begin(record: SessionRecord, inherited: number): Effect.Effect<void, StorageError>
    /** Whether something is left to tell. */
    isPending(session: Told): Effect.Effect<boolean, StorageError>
    /** Tells what is left. Answers when to try again, in milliseconds since the epoch; null where all is told. */
    drain(session: Told): Effect.Effect<number | null>
  }
>()("ownloop/Outbox") {
  /** Of a session that nobody waits for. */
  static readonly layerNone: Layer.Layer<Outbox> = Layer.succeed(Outbox, {
    begin: () => Effect.void,
    isPending: () => Effect.succeed(false),
    drain: () => Effect.succeed(null)
  })
}
