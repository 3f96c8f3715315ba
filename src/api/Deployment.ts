import * as Context from "effect/Context"
import type { Backend } from "../domain/Environment.ts"
import type { ToolListing } from "../ToolRegistry.ts"

/** What this deployment has, as its composition root put it together. */
export class Deployment extends Context.Service<
  Deployment,
  {
    readonly tools: ReadonlyArray<ToolListing>
    readonly backends: ReadonlySet<Backend>
    /** The model of agents whose own names no provider. */
    readonly defaultModel: string
  }
>()("ownloop/api/Deployment") {}
