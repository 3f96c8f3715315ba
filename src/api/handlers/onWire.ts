import * as Effect from "effect/Effect"
import { AnthropicKeyRefused } from "../../domain/AnthropicKey.ts"
import { BudgetRefused } from "../../domain/Budget.ts"
import { MetadataFull } from "../../domain/Common.ts"
import { RootKeyMissing } from "../../SecretBox.ts"
import { SessionConflict, SessionNotFound } from "../../Sessions.ts"
import { StorageError } from "../../Storage.ts"
import { SetupRefused } from "../../triggers/Setup.ts"
import { Conflict, InvalidRequest, NotFound, Unavailable } from "../Errors.ts"

/** Storage that fails is not the client's matter: `Answer.ts` logs it and answers 500. */
export const orInternal = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(effect, (error): error is Extract<E, StorageError> => error instanceof StorageError, Effect.die)

export const orMissing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(
    orInternal(effect),
    (error): error is Extract<typeof error, SessionNotFound> => error instanceof SessionNotFound,
    ({ message }) => Effect.fail(new NotFound({ message }))
  )

export const orConflict = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(
    orMissing(effect),
    (error): error is Extract<typeof error, SessionConflict> => error instanceof SessionConflict,
    ({ message }) => Effect.fail(new Conflict({ message }))
  )

export const orInvalid = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(
    effect,
    (error): error is Extract<E, MetadataFull | BudgetRefused | AnthropicKeyRefused> =>
      error instanceof MetadataFull || error instanceof BudgetRefused || error instanceof AnthropicKeyRefused,
    ({ message }) => Effect.fail(new InvalidRequest({ message }))
  )

export const orUnavailable = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(
    effect,
    (error): error is Extract<E, RootKeyMissing> => error instanceof RootKeyMissing,
    ({ message }) => Effect.fail(new Unavailable({ message }))
  )

/** A session that cannot be set up so. */
export const orRefused = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchIf(
    effect,
    (error): error is Extract<E, SetupRefused> => error instanceof SetupRefused,
    (error) => refusal(error)
  )

const refusal = ({ message, reason }: SetupRefused): Effect.Effect<never, NotFound | Conflict | InvalidRequest> => {
  switch (reason) {
    case "not_found":
      return Effect.fail(new NotFound({ message }))
    case "archived":
      return Effect.fail(new Conflict({ message }))
    case "unsupported":
      return Effect.fail(new InvalidRequest({ message }))
  }
}
