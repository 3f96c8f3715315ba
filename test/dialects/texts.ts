import { Schema } from "effect"
import type { Dialect, Tool } from "../../src/model/ToolCallText.ts"

export const dialects: ReadonlyArray<Dialect | "auto"> = [
  "glm",
  "qwen-coder",
  "hermes",
  "kimi",
  "deepseek",
  "mistral",
  "gpt-oss",
  "llama",
  "granite",
  "minimax",
  "gemma",
  "pythonic",
  "other",
  "auto"
]

export const tool = (name: string, properties: { readonly [name: string]: Schema.Json } = {}): Tool => ({
  name,
  parameters: { type: "object", properties }
})

/** Pieces of all formats, and of what stands between them. */
export const pieces: ReadonlyArray<string> = [
  ..."<tool_call> </tool_call> <think> </think> <function=f> </function> <parameter=a> </parameter>".split(" "),
  ..."<arg_key> </arg_key> <arg_value> </arg_value> <tool_calls> </tool_calls> <function_call> <seed:think>".split(" "),
  ...'{"name":"f","arguments":{"a":1}} {"name":"f" "a":" [TOOL_CALLS] [ARGS] [THINK] [/THINK] <|python_tag|>'.split(
    " "
  ),
  ..."<|tool_call_begin|> functions.f:0 <|tool_call_end|> <|tool_call_argument_begin|> <|tool_calls_section_begin|>".split(
    " "
  ),
  ..."<｜tool▁call▁begin｜> <｜tool▁sep｜> <｜tool▁call▁end｜> </｜DSML｜invoke> </｜DSML｜parameter> function ``` ` ~~~ json".split(
    " "
  ),
  ..."<|start|>assistant <|channel|> analysis final <|message|> <|end|> <|call|> </invoke> ]<]minimax[>[ <a> </a>".split(
    " "
  ),
  ..."<|tool_call> call:f <|\"|> <tool_call|> <|channel> <channel|> [f(a=1)] f(a='x') <|tool_call|>".split(" "),
  ..."<|tool_call_start|> <|tool_call_end|> <function_calls> </function_calls> { } [ ] ( ) \" ' \\ : , ; =".split(" "),
  ..."< <| f g 1 null é 🌍 \ud83d".split(" "),
  ' to=functions.f|<｜DSML｜invoke name="f">|<｜DSML｜parameter name="a" string="true">|<invoke name="f">'.split("|"),
  '<parameter name="a">',
  " ",
  "\n"
].flat()

export const Text = Schema.Array(Schema.Literals(pieces))
