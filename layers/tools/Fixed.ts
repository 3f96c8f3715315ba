import * as Layer from "effect/Layer"
import type { ToolRegistry } from "../../src/ToolRegistry.ts"
import type { Tool, ToolEnv } from "../../src/tools/defineTool.ts"
import * as Toolset from "../../src/tools/Toolset.ts"
import { layerNoSession } from "./Deployment.ts"

/** Just the tools given, for tests: no bindings, no sandbox and no network, and a tool that uses one of them fails. */
export const layer = (tools: ReadonlyArray<Tool>): Layer.Layer<ToolRegistry> =>
  Toolset.layer(
    Toolset.make({ builtIn: [], custom: tools }),
    {} as ToolEnv // The tools of a test need no bindings.
  ).pipe(Layer.orDie, Layer.provide(layerNoSession))
