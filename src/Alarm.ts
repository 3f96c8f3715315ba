import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StorageError } from "./Storage.ts"

/**
 * A session's way to be woken: while a turn runs an alarm stands a little ahead, so that a session whose process died goes on by
 * itself, with no client connected. There is one alarm: a later `set` replaces an earlier one.
 */
export class Alarm extends Context.Service<
  Alarm,
  {
    /** Wakes the session at this time (milliseconds since the epoch), or as soon after it as the platform can. */
    set(at: number): Effect.Effect<void, StorageError>
    readonly clear: Effect.Effect<void, StorageError>
  }
>()("ownloop/Alarm") {}
