import { bare } from "./bare.ts"
import type { Spec } from "./Spec.ts"
import { bareFunction, think } from "./toolCall.ts"

/** Llama 3: an object with a name and parameters, alone, in a list, or after `<|python_tag|>`; `<function=NAME>{...}</function>`. */
export const llama: Spec = {
  thinking: [think],
  blocks: [bareFunction, ...bare],
  sections: ["<|python_tag|>"],
  dropped: ["<|eom_id|>", "<|eot_id|>"]
}
