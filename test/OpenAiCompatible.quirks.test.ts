import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Answer from "../layers/model/Answer.ts"
import type { ModelPart } from "../src/ModelClient.ts"
import { reasonOf } from "../src/model/ProviderFailure.ts"
import { textOf } from "./ModelClient.contract.ts"
import { chunk, event, type MockAnswer } from "./support/mockOpenAi.ts"
import { afterWaiting, ask, partsOf, serve, stream, toolCalls } from "./support/openAiCompatible.ts"

/** What servers do that no specification says. */

const calls = (parts: ReadonlyArray<ModelPart>): ReadonlyArray<readonly [string, string]> =>
  parts.flatMap((part) => (part.type === "tool_call" ? [[part.name, part.arguments]] : []))

const answers: Readonly<Record<string, readonly [MockAnswer, ReadonlyArray<readonly [string, string]>]>> = {
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
}
for (const [quirk, [answer, expected]] of Object.entries(answers)) {
  it.effect(quirk, () =>
    Effect.gen(function* () {
      const parts = yield* partsOf(answer)
      assert.deepStrictEqual(calls(parts), expected)
      assert.strictEqual(parts.at(-1)?.type, "finish")
    })
  )
}

it.effect("usage in a late chunk without choices; what was cached counts apart", () =>
  Effect.gen(function* () {
    const usage = { prompt_tokens: 100, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 64 } }
    const parts = yield* partsOf(stream(chunk({ content: "ok" }), chunk({}, "stop"), { choices: [], usage }))
    assert.deepStrictEqual(parts.at(-1), {
      type: "finish",
      usage: { input_tokens: 36, output_tokens: 7, cache_read_input_tokens: 64, cache_creation_input_tokens: 0 },
      truncated: false
    })
  })
)

it.effect("reasoning in either field, and once where both hold it", () =>
  Effect.gen(function* () {
    const parts = yield* partsOf(
      stream(
        chunk({ reasoning_content: "a" }),
        chunk({ reasoning: "b" }),
        chunk({ reasoning_content: "c", reasoning: "c" }),
        chunk({ content: "ok" }, "stop")
      )
    )
    assert.deepStrictEqual(parts.slice(0, -1), [
      { type: "reasoning", text: "a" },
      { type: "reasoning", text: "b" },
      { type: "reasoning", text: "c" },
      { type: "text", text: "ok" }
    ])
  })
)

it.effect("chunks without choices, and content in parts", () =>
  Effect.gen(function* () {
    const parts = yield* partsOf(
      stream(
        { object: "chat.completion.chunk", id: "1" },
        { object: "chat.completion.chunk", choices: null },
        { usage: { prompt_tokens: 1, completion_tokens: 1 } },
        chunk({ content: [{ type: "text", text: "o" }, { type: "image" }, { type: "text", text: "k" }] }),
        chunk({ content: [] }, "stop")
      )
    )
    assert.deepStrictEqual(parts.slice(0, -1), [{ type: "text", text: "ok" }])
  })
)

it.effect("an answer cut off at the length limit says so, streamed or whole", () =>
  Effect.gen(function* () {
    const whole = { choices: [{ message: { content: "o" }, finish_reason: "length" }] }
    for (const answer of [stream(chunk({ content: "o" }), chunk({}, "length")), { status: 200, body: whole }]) {
      assert.deepInclude((yield* partsOf(answer)).at(-1), { type: "finish", truncated: true })
    }
  })
)

it.effect("no [DONE], but a finish_reason", () =>
  Effect.gen(function* () {
    assert.strictEqual(textOf(yield* partsOf({ raw: event(chunk({ content: "ok" }, "stop")) })), "ok")
  })
)

it.effect("a [DONE] without an empty line after it", () =>
  Effect.gen(function* () {
    assert.strictEqual(textOf(yield* partsOf({ raw: `${event(chunk({ content: "ok" }))}data: [DONE]` })), "ok")
  })
)

it.effect("comments, retry lines, carriage returns, and characters cut between two pieces", () =>
  Effect.gen(function* () {
    const bytes = new TextEncoder().encode(
      `: processing\r\n\r\nretry: 10\r\n\r\ndata:${JSON.stringify(chunk({ content: "schön 漢" }))}\r\n\r\ndata: [DONE]\r\n\r\n`
    )
    const raw = Array.from(bytes, (byte) => Uint8Array.of(byte))
    assert.strictEqual(textOf(yield* partsOf({ raw })), "schön 漢")
  })
)

it.effect("a connection that stays open after [DONE]", () =>
  Effect.gen(function* () {
    const { url } = yield* serve([{ raw: [event(chunk({ content: "ok" })), "data: [DONE]\n\n"], ending: "hang" }])
    const fiber = yield* Effect.forkChild(ask(url))
    assert.strictEqual(textOf(yield* afterWaiting(fiber)), "ok")
  })
)

it.effect("a body that goes on after [DONE] is left after 100 ms", () =>
  Effect.gen(function* () {
    const bytes = new TextEncoder().encode(`${event(chunk({ content: "ok" }))}data: [DONE]\n\n`)
    const body = Stream.concat(Stream.make(bytes), Stream.never)
    const fiber = yield* Effect.forkChild(
      Stream.runCollect(Answer.parts(body, reasonOf, { model: "local/m", tools: [] }))
    )
    // It looks a few times before it waits by the clock.
    yield* Effect.repeat(Effect.yieldNow, { times: 20 })
    yield* TestClock.adjust("99 millis")
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 millis")
    assert.isDefined(fiber.pollUnsafe())
  })
)
