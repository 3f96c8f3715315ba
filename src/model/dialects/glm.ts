import type { Spec } from "./Spec.ts"
import { bareFunction, think, toolCall } from "./toolCall.ts"

/** GLM 4.5 and later, and what follows them (Ling, Poolside): `<tool_call>NAME<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`. */
export const glm: Spec = {
  thinking: [think],
  blocks: [toolCall, bareFunction],
  dropped: ["<|user|>", "<|observation|>", "<|endoftext|>", "<|role_end|>"],
  trims: true
}
