import { Context } from "effect"
import { type Actor, Scope } from "../domain/ApiKey.ts"

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
