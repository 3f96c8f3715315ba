import type { Layer } from "effect"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import type { EgressHttpClient } from "../../src/EgressPolicy.ts"
import type { SandboxBackend } from "../../src/SandboxBackend.ts"
import type { ToolListing, ToolRegistry } from "../../src/ToolRegistry.ts"
import type { ToolEnv } from "../../src/tools/defineTool.ts"
import { deployed } from "../../src/tools/deployed.ts"
import * as Toolset from "../../src/tools/Toolset.ts"

declare module "../../src/tools/defineTool.ts" {
  interface ToolEnv extends Cloudflare.Env {}
}

/** The built-in tools and those of `src/tools/custom-tools.ts`, for one session. */
export const layer = (
  env: ToolEnv
): Layer.Layer<ToolRegistry, AnthropicKeyRefused, SandboxBackend | EgressHttpClient> => Toolset.layer(deployed, env)

/** The same tools without a session, for those who only ask what there is. */
export const list = (env: ToolEnv): ReadonlyArray<ToolListing> => Toolset.list(deployed, env)
