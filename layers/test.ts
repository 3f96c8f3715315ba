import { ConfigProvider, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import type { SessionId } from "../src/domain/Ids.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import type { ModelClient } from "../src/ModelClient.ts"
import type { Storage } from "../src/Storage.ts"
import type { Tool } from "../src/tools/defineTool.ts"
import * as Memory from "./storage/Memory.ts"
import * as Fixed from "./tools/Fixed.ts"

/** The loop of one session in this process: any brain, the tools given, a log in memory. */
export const agentLoop = <Model, E>(options: {
  readonly id: SessionId
  readonly model: Layer.Layer<ModelClient | Model, E>
  readonly tools?: ReadonlyArray<Tool>
  readonly config?: Readonly<Record<string, string>>
}): Layer.Layer<AgentLoop | Model | Storage, E> =>
  AgentLoop.layer(options.id).pipe(
    Layer.provideMerge([options.model, Memory.storage]),
    Layer.provide([Fixed.layer(options.tools ?? []), SecureRandom.layerWebCrypto]),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(options.config ?? {}))),
    Layer.orDie
  ) as never
