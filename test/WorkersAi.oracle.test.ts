import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isRetryable } from "../src/ModelClient.ts"
import { type FakeAnswer, streams } from "./support/fakeAi.ts"
import { chunk, event } from "./support/mockOpenAi.ts"
import { toolCalls } from "./support/openAiCompatible.ts"
import { reasonOf } from "./support/workersAi.ts"
import { type Heard, isRetried, ours, theirs } from "./support/workersAiProvider.ts"

/** `workers-ai-provider`, Cloudflare's own client of Workers AI, on the same fake binding: what it finds in an answer, and what we find. */

const done = "data: [DONE]\n\n"
const streamed = (...values: ReadonlyArray<unknown>): FakeAnswer => ({ stream: [...values.map(event), done] })
const older = (...tool_calls: ReadonlyArray<unknown>) => ({ response: null, tool_calls })
const whole = (fields: object, finish_reason = "stop"): FakeAnswer => ({
  whole: { choices: [{ index: 0, message: { role: "assistant", ...fields }, finish_reason }] }
})
const call = (name: string | null, text: unknown, fields: object = { index: 0, id: "call_1" }) => ({
  type: "function",
  function: { name, arguments: text },
  ...fields
})
const ls = '{"command":"ls"}'
const sentinel = { id: null, type: null, index: 0, function: { name: null, arguments: "" } }

const agreed: Readonly<Record<string, FakeAnswer>> = {
  "a streamed text, older shape": { stream: streams.text.older },
  "a streamed text, OpenAI shape": { stream: streams.text.openai },
  "a streamed call, older shape": { stream: streams.call.older },
  "a streamed call, OpenAI shape": { stream: streams.call.openai },
  "a whole text, older shape": { whole: { response: "Hello", usage: { prompt_tokens: 1, completion_tokens: 1 } } },
  "a whole text, OpenAI shape": whole({ content: "Hello" }),
  "a whole answer in place of text, as a number": { whole: { response: 7 } },
  "a whole answer in place of text, as an object": { whole: { response: { a: 1 } } },
  "a whole flat call": { whole: { response: "", tool_calls: [{ name: "bash", arguments: { command: "ls" } }] } },
  "a whole nested call with an object": whole({ content: null, tool_calls: [call("bash", { command: "ls" })] }),
  "a whole nested call with text": whole({ content: null, tool_calls: [call("bash", ls)] }, "tool_calls"),
  "text and a call": streamed(chunk({ content: "Looking." }), toolCalls(call("bash", ls)), chunk({}, "tool_calls")),
  reasoning_content: streamed(
    chunk({ reasoning_content: "Let me " }),
    chunk({ reasoning_content: "see." }),
    chunk({ content: "ok" }, "stop")
  ),
  reasoning: streamed(chunk({ reasoning: "Let me see." }), chunk({ content: "ok" }, "stop")),
  "reasoning of a whole answer": whole({ reasoning_content: "Let me see.", content: "ok" }),
  "numbers as tokens": streamed({ response: 4 }, { response: 2 }),
  "two calls, one after the other": streamed(
    toolCalls(call("bash", "", { index: 0, id: "a" })),
    toolCalls({ index: 0, function: { arguments: ls } }),
    toolCalls(call("bash", "", { index: 1, id: "b" })),
    toolCalls({ index: 1, function: { arguments: "{}" } }),
    chunk({}, "tool_calls")
  ),
  "two calls with the same id": whole({ tool_calls: [call("bash", ls), call("bash", "{}")] }, "tool_calls"),
  "a null sentinel after a call": streamed(
    older(call("bash", "")),
    older({ index: 0, function: { arguments: ls } }),
    older(sentinel)
  ),
  "finish_reason stop with a call": streamed(toolCalls(call("bash", ls)), chunk({}, "stop")),
  "the length limit": streamed(chunk({ content: "Hel" }), chunk({}, "length")),
  "the length limit in a whole answer": whole({ content: "Hel" }, "length"),
  "neither [DONE] nor a finish_reason": { stream: [event(chunk({ content: "Hel" }))] },
  "no [DONE], but a finish_reason": { stream: [event(chunk({ content: "Hello" }, "stop"))] },
  "an error in place of an answer": { stream: [event({ errors: [{ code: 3040, message: "busy" }] })] }
}

describe("agrees about", () => {
  for (const [what, answer] of Object.entries(agreed)) {
    it.effect(what, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* ours(answer), yield* Effect.promise(() => theirs(answer)))
      })
    )
  }
})

/** Where it is wrong, or does otherwise, and how. */
const disputed: ReadonlyArray<
  readonly [what: string, reason: string, FakeAnswer, found: Partial<Heard>, expected: Partial<Heard>]
> = [
  [
    "arguments before the name",
    "it opens a call without a name and never gives it one",
    streamed(toolCalls(call(null, '{"command":')), toolCalls(call("bash", '"ls"}', { index: 0 }))),
    { calls: [["", ls]] },
    { calls: [["bash", ls]] }
  ],
  [
    "the arguments once more at the end",
    "it appends them, which is no JSON any more",
    streamed(toolCalls(call("bash", ls)), toolCalls({ index: 0, function: { arguments: ls } })),
    { calls: [["bash", ls + ls]] },
    { calls: [["bash", ls]] }
  ],
  [
    "one index for every call",
    "it goes by the index alone, so two calls become one",
    streamed(toolCalls(call("bash", ls, { index: 0, id: "a" })), toolCalls(call("bash", "{}", { index: 0, id: "b" }))),
    { calls: [["bash", `${ls}{}`]] },
    {
      calls: [
        ["bash", ls],
        ["bash", "{}"]
      ]
    }
  ],
  [
    "a call that goes on after its null sentinel",
    "a sentinel closes the call for good",
    streamed(
      older(call("bash", '{"command":')),
      older(sentinel),
      older({ index: 0, function: { arguments: '"ls"}' } })
    ),
    { calls: [["bash", '{"command":']] },
    { calls: [["bash", ls]] }
  ],
  [
    "a call in the text",
    "it reads no model's own format",
    whole({ content: "<tool_call>bash\n<arg_key>command</arg_key>\n<arg_value>ls</arg_value>\n</tool_call>" }),
    { text: "<tool_call>bash\n<arg_key>command</arg_key>\n<arg_value>ls</arg_value>\n</tool_call>", calls: [] },
    { text: "", calls: [["bash", ls]] }
  ],
  [
    "reasoning in the text",
    "it shows it to the reader",
    streamed(chunk({ content: "<think>Hm.</think>" }), chunk({ content: "ok" }, "stop")),
    { text: "<think>Hm.</think>ok", reasoning: "" },
    { text: "ok", reasoning: "Hm." }
  ],
  [
    "an object among the tokens",
    "it writes [object Object]",
    streamed({ response: { a: 1 } }),
    { text: "[object Object]" },
    { text: '{"a":1}' }
  ],
  [
    "a stream cut within a call",
    "it gives the call that is not whole, beside the error",
    { stream: [event(toolCalls(call("bash", '{"command":"rm -r')))] },
    { calls: [["bash", '{"command":"rm -r']], finish: "failed" },
    { calls: [], finish: "failed" }
  ],
  [
    "an error after some text, and then [DONE]",
    "it drops the error and takes the answer for whole",
    streamed({ response: "Hel" }, { errors: [{ code: 3040, message: "busy" }], success: false }),
    { text: "Hel", finish: "whole" },
    { text: "Hel", finish: "failed" }
  ],
  [
    "an event that is no JSON",
    "it drops the event and takes the answer for whole",
    { stream: [event({ response: "Hel" }), "data: lo wor\n\n", done] },
    { text: "Hel", finish: "whole" },
    { text: "Hel", finish: "failed" }
  ],
  [
    "arguments that are left out of a whole call",
    "it makes an empty object of them, which is the same to a tool",
    whole({ tool_calls: [{ id: "1", function: { name: "bash" } }] }, "tool_calls"),
    { calls: [["bash", "{}"]] },
    { calls: [["bash", ""]] }
  ]
]

describe("differs about", () => {
  for (const [what, reason, answer, found, expected] of disputed) {
    it.effect(`${what}: ${reason}`, () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* Effect.promise(() => theirs(answer)), found)
        assert.deepInclude(yield* ours(answer), expected)
      })
    )
  }
})

describe("errors of the binding", () => {
  for (const [error, retried, expected] of [
    ["3040: Capacity temporarily exceeded", true, true],
    ["3007: Request timeout", true, true],
    ["5007: No such model", false, false],
    ["5018: The account is not allowed to access this model", false, false],
    ["5035: This model requires the Workers Paid plan", false, false],
    ["8001: Invalid input", false, false],
    // The neurons of the day are used up until 00:00 UTC.
    ["3036: You have used up your daily free allocation", true, false],
    // Nothing is known of it: the next attempt may well succeed.
    ["AiInternalError: something went wrong", false, true]
  ] as const) {
    const asks = (again: boolean) => (again ? "asks again" : "gives up")
    it.effect(`${error}: it ${asks(retried)}, the loop ${asks(expected)}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Effect.promise(() => isRetried(error)), retried)
        assert.strictEqual(isRetryable((yield* reasonOf({ error }))._tag), expected)
      })
    )
  }
})
