import type { TinyModel } from "./tinyGguf.ts"

/** Calls a tool for a message that wants it, in the text of its answer, and says so when it has the result; says hello to any other. */
export const parrot: TinyModel = {
  next: {
    "<|hello|>": "Hel",
    Hel: "lo, ",
    "lo, ": "wörld",
    wörld: null,
    "<|call|>": `<tool_call>\n{"name": "write", "arguments": {"file_path": "said.txt", `,
    [`<tool_call>\n{"name": "write", "arguments": {"file_path": "said.txt", `]: `"content": "pieces of eight"}}\n</tool_call>`,
    [`"content": "pieces of eight"}}\n</tool_call>`]: null,
    "<|done|>": "I wrote it",
    "I wrote it": null,
    "<think>": "hm</think>",
    "hm</think>": "Hel",
    "<|loop|>": "la ",
    "la ": "la "
  },
  template: `{%- if tools %}TOOLS {% for tool in tools %}{{ tool.function.name }} {% endfor %}
{% endif -%}
{%- for message in messages -%}
{{ message.role }}: {{ message.content }}
{%- for call in message.tool_calls or [] %} CALL {{ call.function.name }} {{ call.function.arguments.file_path }}{% endfor %}
{% endfor -%}
{%- if "alternate" in messages[-1].content %}{{ raise_exception("roles must alternate") }}{% endif -%}
{%- if messages[-1].role == "tool" -%}<|done|>
{%- elif "loop" in messages[-1].content -%}<|loop|>
{%- elif "think" in messages[-1].content -%}<think>
{%- elif "hello" in messages[-1].content -%}<|hello|>
{%- else -%}<|call|>{%- endif -%}`,
  contextLength: 4096
}
