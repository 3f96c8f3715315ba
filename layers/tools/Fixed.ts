import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpClient from "effect/http/HttpClient"
import { EgressHttpClient } from "../../src/EgressPolicy.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import type { ToolRegistry } from "../../src/ToolRegistry.ts"
import type { Tool, ToolEnv } from "../../src/tools/defineTool.ts"
import * as Toolset from "../../src/tools/Toolset.ts"

/** Just the tools given, for tests: no bindings, no sandbox and no network, and a tool that uses one of them fails. */
export const layer = (tools: ReadonlyArray<Tool>): Layer.Layer<ToolRegistry> =>
  Toolset.layer(
    Toolset.make({ builtIn: [], custom: tools }),
    {} as ToolEnv // The tools of a test need no bindings.
  ).pipe(
    Layer.orDie,
    Layer.provide([
      Layer.mock(SandboxBackend, {}),
      Layer.succeed(
        EgressHttpClient,
        HttpClient.make(() => Effect.die("there is no network here"))
      )
    ])
  )
