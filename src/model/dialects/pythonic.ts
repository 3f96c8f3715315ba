import { bare } from "./bare.ts"
import { pythonBlock } from "./pythonCalls.ts"
import type { Spec } from "./Spec.ts"
import { think } from "./toolCall.ts"

/** Llama 4, LFM2, Olmo 3: calls as Python writes them. */
export const pythonic: Spec = {
  thinking: [think],
  blocks: [
    ...bare,
    pythonBlock("<|tool_call_start|>", "<|tool_call_end|>"),
    pythonBlock("<|python_start|>", "<|python_end|>"),
    pythonBlock("<function_calls>", "</function_calls>")
  ],
  dropped: ["<|im_end|>", "<|eot|>"]
}
