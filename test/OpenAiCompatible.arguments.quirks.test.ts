import { answersHold } from "./support/quirks.ts"
import { chunk } from "./support/mockOpenAi.ts"
import { stream, toolCalls } from "./support/openAiCompatible.ts"

/** What servers do that no specification says: how arguments are written, and how calls end. */

answersHold({
  "ids, names and content that are null or empty": [
    stream(
      chunk({ role: "assistant", content: null, tool_calls: null }),
      toolCalls({ index: 0, id: "a", type: "function", function: { name: "bash", arguments: null } }),
      toolCalls({ index: 0, id: "", function: { name: "", arguments: '{"x"' } }),
      toolCalls({ index: 0, id: null, function: { name: null, arguments: ":1}" } }),
      chunk({ content: "" }, "tool_calls")
    ),
    [["bash", '{"x":1}']]
  ],
  "arguments as an object": [
    stream(toolCalls({ index: 0, id: "1", function: { name: "a", arguments: { x: [1] } } }), chunk({}, "stop")),
    [["a", '{"x":[1]}']]
  ],
  "no arguments": [
    stream(toolCalls({ index: 0, id: "1", function: { name: "a" } }), chunk({}, "tool_calls")),
    [["a", ""]]
  ],
  "arguments before the name": [
    stream(
      toolCalls({ index: 0, id: "1", function: { arguments: '{"x":' } }),
      toolCalls({ index: 0, function: { name: "a", arguments: "1}" } }),
      chunk({}, "tool_calls")
    ),
    [["a", '{"x":1}']]
  ],
  "an empty object first, then the arguments": [
    stream(
      toolCalls({ index: 0, id: "1", function: { name: "a", arguments: "{}" } }),
      toolCalls({ index: 0, id: "1", function: { name: "a", arguments: '{"x":' } }),
      toolCalls({ index: 0, function: { arguments: "1}" } }),
      toolCalls({ index: 1, id: "2", function: { name: "b", arguments: {} } }),
      toolCalls({ index: 1, function: { arguments: '{"y":2}' } }),
      chunk({}, "tool_calls")
    ),
    [
      ["a", '{"x":1}'],
      ["b", '{"y":2}']
    ]
  ],
  "the whole arguments once more at the end (vLLM)": [
    stream(
      toolCalls({ index: 0, id: "1", function: { name: "a", arguments: '{"x":' } }),
      toolCalls({ index: 0, function: { arguments: "1}" } }),
      toolCalls({ index: 0, function: { arguments: '{"x":1}' } }),
      chunk({}, "tool_calls")
    ),
    [["a", '{"x":1}']]
  ],
  "a null sentinel at the end of a call (Workers AI)": [
    stream(
      toolCalls({ index: 0, id: "1", function: { name: "a", arguments: "{}" } }),
      toolCalls({ id: null, type: null, function: { name: null, arguments: "" } }),
      chunk({}, "tool_calls")
    ),
    [["a", "{}"]]
  ],
  "equal calls in a whole answer": [
    {
      status: 200,
      body: {
        choices: [
          {
            message: {
              tool_calls: [
                { id: "1", function: { name: "now", arguments: "{}" } },
                { id: "1", function: { name: "now", arguments: "{}" } },
                { function: { name: "now" } },
                { function: { name: "now_utc" } }
              ]
            },
            finish_reason: "tool_calls"
          }
        ]
      }
    },
    [
      ["now", "{}"],
      ["now", "{}"],
      ["now", ""],
      ["now_utc", ""]
    ]
  ],
  "finish_reason stop, with calls": [
    stream(toolCalls({ index: 0, id: "1", function: { name: "a", arguments: "{}" } }), chunk({}, "stop")),
    [["a", "{}"]]
  ],
  "a whole answer although a stream was asked for": [
    {
      status: 200,
      body: {
        choices: [
          {
            message: {
              role: "assistant",
              content: null,
              tool_calls: [
                { id: "1", type: "function", function: { name: "a", arguments: '{"x":1}' } },
                { id: "2", type: "function", function: { name: "a", arguments: '{"x":2}' } }
              ]
            },
            finish_reason: "tool_calls"
          }
        ]
      }
    },
    [
      ["a", '{"x":1}'],
      ["a", '{"x":2}']
    ]
  ]
})
