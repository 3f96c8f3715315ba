import { Context, type Effect } from "effect"
import type { StorageError } from "./Storage.ts"

/**
 * A session's way to be woken: while a turn runs an alarm stands a little ahead, so that a session whose process died goes on by
 * itself, with no client connected.
 */
export class Alarm extends Context.Service<
  Alarm,
  {
    /** Wakes the session about two seconds from now. */
    readonly set: Effect.Effect<void, StorageError>
    readonly clear: Effect.Effect<void, StorageError>
  }
>()("ownloop/Alarm") {}
