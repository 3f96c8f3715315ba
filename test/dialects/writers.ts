import type { Dialect } from "../../src/model/ToolCallText.ts"

/** Arguments with one text, alone and within a list. */
export interface Written {
  readonly name: string
  readonly arguments: { readonly text: string; readonly list: ReadonlyArray<unknown> }
}

/** A family's way to write a call, as its chat template does. */
export interface Writer {
  readonly dialect: Dialect
  readonly form: string
  readonly write: (calls: ReadonlyArray<Written>) => string
  /** What a text cannot hold in this form, because it is what ends the text. */
  readonly ends?: ReadonlyArray<string>
}

const json = (value: unknown): string => JSON.stringify(value)
const each = (one: (call: Written, index: number) => string) => (calls: ReadonlyArray<Written>) =>
  calls.map(one).join("")

const hermes = each((call) => `<tool_call>\n${json(call)}\n</tool_call>\n`)

export const writers: ReadonlyArray<Writer> = [
  {
    dialect: "glm",
    form: "tags for keys and values",
    write: each(
      ({ arguments: { list, text }, name }) =>
        `<tool_call>${name}\n<arg_key>text</arg_key>\n<arg_value>${text}</arg_value>\n<arg_key>list</arg_key>\n<arg_value>${json(list)}</arg_value>\n</tool_call>`
    ),
    ends: ["</arg_value>", "<arg_value>", "<arg_key>", "</arg_key>"]
  },
  {
    dialect: "qwen-coder",
    form: "a tag for each parameter",
    write: each(
      ({ arguments: { list, text }, name }) =>
        `<tool_call>\n<function=${name}>\n<parameter=text>\n${text}\n</parameter>\n<parameter=list>\n${json(list)}\n</parameter>\n</function>\n</tool_call>\n`
    ),
    ends: ["</parameter>", "<parameter=a>"]
  },
  { dialect: "hermes", form: "JSON in a tag", write: hermes },
  {
    dialect: "kimi",
    form: "tokens around JSON",
    write: (calls) =>
      `<|tool_calls_section_begin|>${calls.map((call, index) => `<|tool_call_begin|>functions.${call.name}:${index}<|tool_call_argument_begin|>${json(call.arguments)}<|tool_call_end|>`).join("")}<|tool_calls_section_end|>`,
    ends: ["<|tool_call_argument_begin|>"]
  },
  {
    dialect: "kimi",
    form: "tokens for each argument",
    write: each(
      ({ arguments: { list, text }, name }, index) =>
        `<|open|>call tool="${name}" index="${index}"<|sep|><|open|>argument key="text" type="string"<|sep|>${text}<|close|>argument<|sep|><|open|>argument key="list" type="array"<|sep|>${json(list)}<|close|>argument<|sep|><|close|>call<|sep|>`
    ),
    ends: ["<|close|>argument<|sep|>", "<|open|>argument "]
  },
  {
    dialect: "deepseek",
    form: "V3",
    write: (calls) =>
      `<｜tool▁calls▁begin｜>${calls.map((call) => `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${call.name}\n\`\`\`json\n${json(call.arguments)}\n\`\`\`<｜tool▁call▁end｜>`).join("\n")}<｜tool▁calls▁end｜>`
  },
  {
    dialect: "deepseek",
    form: "V3.1",
    write: (calls) =>
      `<｜tool▁calls▁begin｜>${calls.map((call) => `<｜tool▁call▁begin｜>${call.name}<｜tool▁sep｜>${json(call.arguments)}<｜tool▁call▁end｜>`).join("")}<｜tool▁calls▁end｜>`
  },
  {
    dialect: "deepseek",
    form: "DSML",
    write: (calls) =>
      `<｜DSML｜function_calls>\n${calls.map(({ arguments: { list, text }, name }) => `<｜DSML｜invoke name="${name}">\n<｜DSML｜parameter name="text" string="true">${text}</｜DSML｜parameter>\n<｜DSML｜parameter name="list" string="false">${json(list)}</｜DSML｜parameter>\n</｜DSML｜invoke>\n`).join("")}</｜DSML｜function_calls>`,
    ends: ["</｜DSML｜parameter>", '<｜DSML｜parameter name="a" string="true">']
  },
  { dialect: "mistral", form: "a list", write: (calls) => `[TOOL_CALLS] ${json(calls)}` },
  {
    dialect: "mistral",
    form: "name and arguments",
    write: each((call) => `[TOOL_CALLS]${call.name}[ARGS]${json(call.arguments)}`)
  },
  {
    dialect: "gpt-oss",
    form: "harmony",
    write: each(
      (call) =>
        `<|start|>assistant<|channel|>commentary to=functions.${call.name} <|constrain|>json<|message|>${json(call.arguments)}<|call|>`
    )
  },
  {
    dialect: "llama",
    form: "objects",
    write: (calls) => calls.map((call) => json({ name: call.name, parameters: call.arguments })).join("; ")
  },
  { dialect: "granite", form: "a list after a token", write: (calls) => `<|tool_call|>${json(calls)}` },
  { dialect: "granite", form: "JSON in a tag", write: hermes },
  {
    dialect: "minimax",
    form: "M1",
    write: (calls) => `<tool_calls>\n${calls.map((call) => `${json(call)}\n`).join("")}</tool_calls>`,
    ends: ["</tool_calls>", "<tool_calls>"]
  },
  {
    dialect: "minimax",
    form: "M2",
    write: (calls) =>
      `<minimax:tool_call>\n${calls.map(({ arguments: { list, text }, name }) => `<invoke name="${name}">\n<parameter name="text">${text}</parameter>\n<parameter name="list">${json(list)}</parameter>\n</invoke>\n`).join("")}</minimax:tool_call>`,
    ends: ["</parameter>", '<parameter name="a">']
  },
  {
    dialect: "gemma",
    form: "tokens for quotes",
    write: each(({ arguments: { list, text }, name }) => {
      const quoted = (value: unknown): string => (typeof value === "string" ? `<|"|>${value}<|"|>` : json(value))
      return `<|tool_call>call:${name}{text:${quoted(text)},list:[${list.map(quoted).join(",")}]}<tool_call|>`
    }),
    ends: ['<|"|>']
  },
  {
    dialect: "pythonic",
    form: "a list",
    write: (calls) =>
      `[${calls.map((call) => `${call.name}(text=${json(call.arguments.text)}, list=${python(call.arguments.list)})`).join(", ")}]`
  },
  {
    dialect: "pythonic",
    form: "a list between tokens",
    write: (calls) =>
      `<|tool_call_start|>[${calls.map((call) => `${call.name}(text=${json(call.arguments.text)}, list=${python(call.arguments.list)})`).join(", ")}]<|tool_call_end|>`
  },
  {
    dialect: "other",
    form: "Command R",
    write: (calls) =>
      `<|START_ACTION|>${json(calls.map((call, index) => ({ tool_call_id: `${index}`, tool_name: call.name, parameters: call.arguments })))}<|END_ACTION|>`
  }
]

const python = (list: ReadonlyArray<unknown>): string =>
  `[${list.map((value) => (value === null ? "None" : value === true ? "True" : json(value))).join(", ")}]`
