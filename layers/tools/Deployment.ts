import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Struct from "effect/Struct"
import * as HttpClient from "effect/http/HttpClient"
import type { AnthropicKeyRefused } from "../../src/domain/AnthropicKey.ts"
import { EgressHttpClient } from "../../src/EgressPolicy.ts"
import { secretNames, variable } from "../../src/model/ProviderSettings.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import type { ToolRegistry } from "../../src/ToolRegistry.ts"
import type { ToolEnv } from "../../src/tools/defineTool.ts"
import * as Toolset from "../../src/tools/Toolset.ts"
import { withheld, type Withheld } from "../../src/tools/withheld.ts"

/** All that the deployment has. */
type Bindings = ToolEnv & { readonly [Name in Withheld]?: unknown }

export const toolEnv = (bindings: Bindings): ToolEnv => {
  // The secrets of model providers have names of their own, which no type knows.
  const secrets = secretNames(Reflect.get(bindings, variable)) as ReadonlyArray<Withheld>
  return Struct.omit(bindings, [...withheld, ...secrets])
}

/** The tools of a deployment, for one session. */
export const layer = (
  toolset: Toolset.Toolset,
  bindings: Bindings
): Layer.Layer<ToolRegistry, AnthropicKeyRefused, SandboxBackend | EgressHttpClient> =>
  Layer.suspend(() => Toolset.layer(toolset, toolEnv(bindings), bindings))

/** For those who only ask what tools there are: nothing to run them in, and nothing that they could reach. */
export const layerNoSession: Layer.Layer<SandboxBackend | EgressHttpClient> = Layer.merge(
  Layer.mock(SandboxBackend, {}),
  Layer.succeed(
    EgressHttpClient,
    HttpClient.make(() => Effect.die("there is no network here"))
  )
)
