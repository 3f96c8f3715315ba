import type { Spec } from "./Spec.ts"
import { bareFunction, think, toolCall, wrapped } from "./toolCall.ts"

/** Qwen3-Coder, Qwen3.5, Nemotron 3, Step 3.5: `<tool_call><function=NAME><parameter=K>V</parameter></function></tool_call>`. */
export const qwenCoder: Spec = {
  thinking: [think],
  blocks: [toolCall, bareFunction],
  dropped: ["<|im_end|>", "<|endoftext|>"],
  trims: true
}

/** The same in tags of its own: Seed-OSS. */
export const seed: Spec = {
  thinking: [{ open: "<seed:think>", close: "</seed:think>" }],
  blocks: [wrapped("<seed:tool_call>", "</seed:tool_call>")],
  dropped: ["<seed:eos>"],
  trims: true
}
