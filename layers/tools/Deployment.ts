import type * as Layer from "effect/Layer"
import * as Struct from "effect/Struct"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import type { EgressHttpClient } from "../../src/EgressPolicy.ts"
import { secretNames, variable } from "../../src/model/ProviderSettings.ts"
import type { SandboxBackend } from "../../src/SandboxBackend.ts"
import type { ToolListing, ToolRegistry } from "../../src/ToolRegistry.ts"
import type { Tool, ToolEnv } from "../../src/tools/defineTool.ts"
import { deployed } from "../../src/tools/deployed.ts"
import * as Toolset from "../../src/tools/Toolset.ts"

/** What tools do not get: the deployment's own credentials, and other sessions. */
const withheld = [
  "EGRESS_HEADERS",
  "OWNLOOP_ROOT_KEY",
  "OWNLOOP_API_KEY",
  "OPENAI_API_KEY",
  "OTLP_HEADERS",
  "CLOUDFLARE_API_TOKEN",
  "SESSIONS"
] as const

declare module "../../src/tools/defineTool.ts" {
  interface ToolEnv extends Omit<Cloudflare.Env, (typeof withheld)[number]> {}
}

/** All that the deployment has. */
type Bindings = ToolEnv & { readonly [Name in (typeof withheld)[number]]?: unknown }

export const toolEnv = (bindings: Bindings): ToolEnv => {
  // The secrets of model providers have names of their own, which no type knows.
  const secrets = secretNames(Reflect.get(bindings, variable)) as ReadonlyArray<(typeof withheld)[number]>
  return Struct.omit(bindings, [...withheld, ...secrets])
}

/** The built-in tools and those of `src/tools/custom-tools.ts`, for one session, and those that it alone has. */
export const layer = (
  bindings: Bindings,
  own: ReadonlyArray<Tool> = []
): Layer.Layer<ToolRegistry, AnthropicKeyRefused, SandboxBackend | EgressHttpClient> =>
  Toolset.layer(
    own.length === 0 ? deployed : Toolset.make({ ...deployed, builtIn: [...deployed.builtIn, ...own] }),
    toolEnv(bindings),
    bindings
  )

/** The same tools without a session, for those who only ask what there is. */
export const list = (bindings: Bindings): ReadonlyArray<ToolListing> =>
  Toolset.list(deployed, toolEnv(bindings), bindings)
