import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ToolRegistry } from "../../src/ToolRegistry.ts"
import { Playback } from "../../src/trace/Playback.ts"
import { listing } from "../../src/trace/Shown.ts"

/** The recorded session's tools, which run nothing: each call gets the result that it got. */
export const layer: Layer.Layer<ToolRegistry, never, Playback> = Layer.effect(
  ToolRegistry,
  Effect.map(Playback, (playback) => {
    const tools = playback.setup?.tools ?? []
    return ToolRegistry.of({
      list: tools.map(listing),
      isReplaySafe: (name) => tools.some((tool) => tool.name === name && tool.replay_safe),
      call: (_, call) => playback.result(call)
    })
  })
)
