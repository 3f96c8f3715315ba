import type { Spec } from "./Spec.ts"
import { bareFunction, think, toolCall, wrapped } from "./toolCall.ts"

/** Hermes, Qwen 2.5 and 3, Ernie, LongCat, Reka: JSON in a tag. */
export const hermes: Spec = {
  thinking: [think, { open: "<longcat_think>", close: "</longcat_think>" }],
  blocks: [toolCall, bareFunction, wrapped("<longcat_tool_call>", "</longcat_tool_call>")],
  dropped: ["<|im_end|>", "<|im_start|>", "<|endoftext|>"],
  trims: true
}
