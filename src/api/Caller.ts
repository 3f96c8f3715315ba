import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type Actor, includes, Scope } from "../domain/ApiKey.ts"
import { PermissionDenied } from "./Errors.ts"

/** Who asks. */
export class Caller extends Context.Service<
  Caller,
  {
    readonly actor: Actor
    readonly scope: Scope
  }
>()("ownloop/api/Caller") {}

/** The scope that an endpoint asks for. Without this annotation: `read` for a GET, `admin` for everything else. */
export const NeededScope = Context.Reference<Scope | undefined>("ownloop/api/Caller/NeededScope", {
  defaultValue: () => undefined
})

export const neededScope = (endpoint: {
  readonly method: string
  readonly annotations: Context.Context<never>
}): Scope => Context.get(endpoint.annotations, NeededScope) ?? (endpoint.method === "GET" ? "read" : "admin")

/** Fails where the caller may not do `what`. */
export const checkScope = (
  { actor: { id, type }, scope }: Caller["Service"],
  needed: Scope,
  what = "this"
): Effect.Effect<void, PermissionDenied> =>
  includes(scope, needed)
    ? Effect.void
    : Effect.fail(
        new PermissionDenied({
          message: `${what} needs the scope ${needed}; the caller (${type} ${id}) has the scope ${scope}`
        })
      )
