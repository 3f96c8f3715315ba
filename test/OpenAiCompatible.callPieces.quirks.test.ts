import { answersHold } from "./support/quirks.ts"
import { chunk } from "./support/mockOpenAi.ts"
import { stream, toolCalls } from "./support/openAiCompatible.ts"

/** What servers do that no specification says: which call a piece of a stream belongs to. */

answersHold({
  "no ids at all": [
    stream(
      toolCalls({ index: 0, function: { name: "a", arguments: "{}" } }),
      toolCalls({ index: 1, function: { name: "a", arguments: "{}" } }),
      chunk({}, "tool_calls")
    ),
    [
      ["a", "{}"],
      ["a", "{}"]
    ]
  ],
  "the same id twice": [
    stream(
      toolCalls({ index: 0, id: "call_0", function: { name: "a", arguments: '{"x":1}' } }),
      toolCalls({ index: 1, id: "call_0", function: { name: "a", arguments: '{"x":2}' } }),
      chunk({}, "tool_calls")
    ),
    [
      ["a", '{"x":1}'],
      ["a", '{"x":2}']
    ]
  ],
  "numbers as ids": [
    stream(
      toolCalls({ index: 0, id: 1, function: { name: "a", arguments: '{"x":' } }),
      toolCalls({ index: 0, id: 1, function: { arguments: "1}" } }),
      chunk({}, "tool_calls")
    ),
    [["a", '{"x":1}']]
  ],
  "index 0 for every parallel call (Ollama)": [
    stream(
      toolCalls({ index: 0, id: "call_1", function: { name: "read", arguments: '{"p":"a"}' } }),
      toolCalls({ index: 0, id: "call_2", function: { name: "read", arguments: '{"p":"b"}' } }),
      chunk({ content: "" }, "stop")
    ),
    [
      ["read", '{"p":"a"}'],
      ["read", '{"p":"b"}']
    ]
  ],
  "index 0 and no ids: a second name starts a call": [
    stream(
      toolCalls({ index: 0, function: { name: "read", arguments: '{"p":"a"}' } }),
      toolCalls({ index: 0, function: { name: "write", arguments: '{"p":"b"}' } }),
      toolCalls({ index: 0, function: { name: "write", arguments: '{"p":"c"}' } }),
      chunk({}, "stop")
    ),
    [
      ["read", '{"p":"a"}'],
      ["write", '{"p":"b"}'],
      ["write", '{"p":"c"}']
    ]
  ],
  "no index": [
    stream(
      toolCalls({ id: "1", function: { name: "a", arguments: '{"x":' } }),
      toolCalls({ function: { arguments: "1}" } }),
      toolCalls({ id: "2", function: { name: "b", arguments: "{}" } }),
      chunk({}, "tool_calls")
    ),
    [
      ["a", '{"x":1}'],
      ["b", "{}"]
    ]
  ],
  "calls that take turns": [
    stream(
      toolCalls(
        { index: 0, id: "1", function: { name: "a", arguments: "" } },
        { index: 1, id: "2", function: { name: "b" } }
      ),
      toolCalls({ index: 1, function: { arguments: '{"y":' } }, { index: 0, function: { arguments: '{"x":' } }),
      toolCalls({ index: 0, function: { arguments: "1}" } }, { index: 1, function: { arguments: "2}" } }),
      chunk({}, "tool_calls")
    ),
    [
      ["a", '{"x":1}'],
      ["b", '{"y":2}']
    ]
  ],
  "the name in every piece": [
    stream(
      toolCalls({ index: 0, id: "1", function: { name: "a", arguments: '{"x":' } }),
      toolCalls({ index: 0, id: "1", function: { name: "a", arguments: "1}" } }),
      toolCalls({ index: 0, id: "1", function: { name: "a", arguments: "" } }),
      chunk({}, "tool_calls")
    ),
    [["a", '{"x":1}']]
  ],
  "a name that grows": [
    stream(
      toolCalls({ index: 0, id: "1", function: { name: "web" } }),
      toolCalls({ index: 0, function: { name: "web_fetch", arguments: "{}" } }),
      chunk({}, "tool_calls")
    ),
    [["web_fetch", "{}"]]
  ],
  "a name in pieces that do not repeat its beginning": [
    stream(
      toolCalls({ index: 0, id: "1", function: { name: "web" } }, { index: 1, id: "2", function: { name: "ba" } }),
      toolCalls(
        { index: 0, function: { name: "_fe", arguments: "" } },
        { index: 1, id: "2", function: { name: "sh" } }
      ),
      toolCalls({ index: 0, function: { name: "tch", arguments: '{"x":' } }),
      toolCalls({ index: 0, function: { arguments: "1}" } }, { index: 1, function: { arguments: "{}" } }),
      chunk({}, "tool_calls")
    ),
    [
      ["web_fetch", '{"x":1}'],
      ["bash", "{}"]
    ]
  ],
  "a name in pieces, of which one comes twice, without ids or an index": [
    stream(
      toolCalls({ function: { name: "ba" } }),
      toolCalls({ function: { name: "sh" } }),
      toolCalls({ function: { name: "bash", arguments: "{" } }),
      toolCalls({ function: { name: "bash", arguments: "}" } }),
      chunk({}, "tool_calls")
    ),
    [["bash", "{}"]]
  ],
  "two names that are whole, without ids or arguments": [
    stream(
      toolCalls({ index: 0, function: { name: "bash" } }),
      toolCalls({ index: 0, function: { name: "bash_help" } }),
      toolCalls({ index: 1, function: { name: "bash" } }),
      toolCalls({ index: 1, function: { name: "bash", arguments: "{}" } }),
      chunk({}, "tool_calls")
    ),
    [
      ["bash_help", ""],
      ["bash", "{}"]
    ]
  ],
  "names that begin alike or are the same, in one chunk, without ids": [
    stream(
      toolCalls(
        { index: 0, function: { name: "list", arguments: "" } },
        { index: 0, function: { name: "list_all", arguments: "" } }
      ),
      toolCalls({ function: { name: "now" } }, { function: { name: "now" } }),
      chunk({}, "tool_calls")
    ),
    [
      ["list", ""],
      ["list_all", ""],
      ["now", ""],
      ["now", ""]
    ]
  ],
  "an index in digits": [
    stream(
      toolCalls({ index: "0", id: "1", function: { name: "a", arguments: '{"x":' } }),
      toolCalls({ index: "1", id: "2", function: { name: "b", arguments: "{}" } }),
      toolCalls({ index: 0, function: { arguments: "1}" } }),
      chunk({}, "tool_calls")
    ),
    [
      ["a", '{"x":1}'],
      ["b", "{}"]
    ]
  ]
})
