import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SandboxOperation } from "./domain/Event.ts"
import type { JsonSchema } from "./domain/JsonSchema.ts"
import type { SessionId } from "./domain/Ids.ts"
import type { ToolCall } from "./ModelClient.ts"

/** A tool of this deployment. One that is not available is listed with the reason and never offered to a model. */
export interface ToolListing {
  readonly name: string
  readonly description: string
  readonly input_schema: JsonSchema
  readonly source: "built_in" | "custom"
  readonly available: boolean
  /** Why it is not available; null where it is. */
  readonly reason: string | null
}

/** What the model reads of a call. */
export interface ToolResult {
  readonly text: string
  readonly isError: boolean
  /** The input does not fit, so that nothing ran. */
  readonly rejected?: true
  /** What it did in the sandbox. */
  readonly operations?: ReadonlyArray<SandboxOperation>
}

/** The deployment's tools, typed where they are defined and erased here. */
export class ToolRegistry extends Context.Service<
  ToolRegistry,
  {
    readonly list: ReadonlyArray<ToolListing>
    /** Runs one call. Never fails: an unknown tool, input that does not fit and a tool that throws are results with `isError`. */
    call(session: SessionId, call: ToolCall): Effect.Effect<ToolResult>
    /** Whether the tool may run a second time under the same idempotency key after a crash. */
    isReplaySafe(name: string): boolean
  }
>()("ownloop/ToolRegistry") {}
