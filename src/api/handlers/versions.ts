import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Conflict } from "../Errors.ts"

/** Another update has made the version that this one was about to make. */
export class Overtaken extends Data.TaggedError("Overtaken") {}

/** Makes an update anew that was overtaken, a few times. `what` names the thing: `agent`. */
export const untilNotOvertaken = <A, E, R>(update: Effect.Effect<A, E | Overtaken, R>, what: string) =>
  update.pipe(
    Effect.retry({ times: 4, while: (error) => error instanceof Overtaken }),
    Effect.catchIf(
      (error): error is Extract<E | Overtaken, Overtaken> => error instanceof Overtaken,
      () => Effect.fail(new Conflict({ message: `the ${what} is being updated by others all the time` }))
    )
  )
