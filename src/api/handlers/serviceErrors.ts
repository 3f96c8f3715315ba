import { Effect } from "effect"
import type { SessionConflict, SessionNotFound } from "../../Sessions.ts"
import type { StorageError } from "../../Storage.ts"
import { Conflict, NotFound } from "../Errors.ts"

/** Storage that fails is not the client's matter: the middleware of `Answer.ts` logs it and answers 500. */
export const orInternal = Effect.catchTag("StorageError", (error: StorageError) => Effect.die(error))

export const onWire = <A, E, R>(
  effect: Effect.Effect<A, E | SessionNotFound | SessionConflict | StorageError, R>
) => effect
