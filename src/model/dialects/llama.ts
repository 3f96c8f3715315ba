import { bare } from "./bare.ts"
import type { Spec } from "./Spec.ts"
import { think } from "./toolCall.ts"

/** Llama 3: an object with a name and parameters, alone, in a list, or after `<|python_tag|>`. */
export const llama: Spec = {
  thinking: [think],
  blocks: bare,
  sections: ["<|python_tag|>"],
  dropped: ["<|eom_id|>", "<|eot_id|>"]
}
