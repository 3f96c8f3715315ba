import { json } from "./JsonScanner.ts"
import { jsonBlock, readJson } from "./jsonCalls.ts"
import { unclosed } from "./granite.ts"
import { invoke } from "./minimax.ts"
import type { Block, Spec } from "./Spec.ts"
import { readInvoke } from "./tagCalls.ts"

/** Phi-4 mini: a list after a word. */
const functools: Block = {
  ...jsonBlock("functools["),
  endsWithValue: true,
  scanner: () => {
    const scanner = json()
    scanner.read("[", 0, 1)
    return scanner
  },
  read: (body, turn) => readJson(`[${body}`, turn)
}

/** MiniCPM 5. */
const miniCpm: Block = {
  open: "<function name=",
  closes: ["</function>"],
  values: [{ open: "<param name=", close: "</param>" }],
  read: readInvoke({ parameter: "<param name=", close: "</param>" })
}

/** Families that differ from others only in their markers: Command R and A, Nemotron 2, Apertus, InternLM, GigaChat, Step 3, Phi 4. */
export const other: Spec = {
  thinking: [{ open: "<|START_THINKING|>", close: "<|END_THINKING|>", anywhere: true }],
  blocks: [
    jsonBlock("<|START_ACTION|>", "<|END_ACTION|>"),
    jsonBlock("<TOOLCALL>", "</TOOLCALL>"),
    jsonBlock("<|tools_prefix|>", "<|tools_suffix|>"),
    jsonBlock("<|action_start|><|plugin|>", "<|action_end|>"),
    jsonBlock("<|content_invoke_tool_json|>", "<|end_message|>"),
    unclosed("<|message_sep|>\n\nfunction call<|role_sep|>\n"),
    unclosed("<|function_call|>"),
    functools,
    miniCpm,
    invoke("steptml:"),
    invoke("atem:")
  ],
  sections: ["<｜tool_calls_begin｜>", "<｜tool_call_begin｜>", "<atem:function_calls>"],
  dropped: [
    ...["RESPONSE", "TEXT"].flatMap((part) => [`<|START_${part}|>`, `<|END_${part}|>`]),
    "<｜tool_calls_end｜>",
    "<｜tool_call_end｜>",
    "</atem:function_calls>",
    "<|CHATBOT_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|message_model|>",
    "</s>"
  ]
}
