import { json } from "./JsonScanner.ts"
import { jsonBlock } from "./jsonCalls.ts"
import type { Block, Spec } from "./Spec.ts"
import { think, toolCall } from "./toolCall.ts"

/** JSON after a marker that nothing closes. */
export const unclosed = (open: string): Block => ({ ...jsonBlock(open), endsWithValue: true, scanner: () => json() })

/** Granite 20B, 3 and 4. */
export const granite: Spec = {
  thinking: [think],
  blocks: [toolCall, unclosed("<|tool_call|>"), unclosed("<function_call>")],
  dropped: ["<|end_of_text|>", "<|end_of_role|>"]
}
