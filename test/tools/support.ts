import { Effect, Layer, Struct } from "effect"
import { HttpClient } from "effect/http"
import { EventId, SessionId } from "../../src/domain/Ids.ts"
import { EgressHttpClient } from "../../src/EgressPolicy.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import { ToolRegistry, type ToolResult } from "../../src/ToolRegistry.ts"
import type { ToolCall } from "../../src/ModelClient.ts"
import type { Tool, ToolEnv } from "../../src/tools/defineTool.ts"
import * as Toolset from "../../src/tools/Toolset.ts"

export const sessionId = SessionId.make("sesn_1")
export const callId = EventId.make("sevt_1")

export const noBindings = {} as ToolEnv // Tests that need a binding say so themselves.

export const noNetwork = Layer.succeed(
  EgressHttpClient,
  HttpClient.make(() => Effect.die("no network"))
)
export const noSandbox = Layer.mock(SandboxBackend, {})

/** Calls a tool of the registry as the loop does, and answers what the model is shown. */
export const call = (name: string, input: ToolCall["input"]) =>
  Effect.flatMap(ToolRegistry, (registry) => registry.call(sessionId, { id: callId, name, input })).pipe(
    Effect.map((result): Omit<ToolResult, "operations"> => Struct.omit(result, ["operations"]))
  )

/** A registry of just these tools, without a sandbox and a network unless the test provides them. */
export const registryOf = (tools: ReadonlyArray<Tool>, env: ToolEnv = noBindings) =>
  Toolset.layer(Toolset.make({ builtIn: [], custom: tools }), env)
