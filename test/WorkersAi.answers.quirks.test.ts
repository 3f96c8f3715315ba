import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { ModelPart } from "../src/ModelClient.ts"
import { ChatStream } from "../src/model/ChatStream.ts"
import { classify } from "../src/model/WorkersAiFailure.ts"
import { workOf } from "./dialects/work.ts"
import { request, textOf } from "./ModelClient.contract.ts"
import { fakeAi, type FakeAnswer } from "./support/fakeAi.ts"
import { chunk, event } from "./support/mockOpenAi.ts"
import { serve, toolCalls } from "./support/openAiCompatible.ts"
import { ask, glm, partsOf, partsOverRest, reasonOf, rest } from "./support/workersAi.ts"

/** What comes from Workers AI and its models, by the row of the list of quirks that each test is named after. */

const done = "data: [DONE]\n\n"
const streamed = (...values: ReadonlyArray<unknown>): FakeAnswer => ({ stream: [...values.map(event), done] })
const older = (tool_calls: ReadonlyArray<unknown>) => ({ response: null, tool_calls })
const message = (fields: object, finish_reason = "stop"): FakeAnswer => ({
  whole: { choices: [{ index: 0, message: { role: "assistant", ...fields }, finish_reason }] }
})

const calls = (parts: ReadonlyArray<ModelPart>): ReadonlyArray<readonly [string, string]> =>
  parts.flatMap((part) => (part.type === "tool_call" ? [[part.name, part.arguments]] : []))
const ls: ReturnType<typeof calls> = [["bash", '{"command":"ls"}']]

it.effect('3: "arguments come as object (legacy) or string; {}, empty or null for no args"', () =>
  Effect.gen(function* () {
    for (const [written, read] of [
      [{ command: "ls" }, '{"command":"ls"}'],
      ['{"command":"ls"}', '{"command":"ls"}'],
      [{}, "{}"],
      ["", ""],
      [null, ""]
    ] as const) {
      const flat = { name: "bash", arguments: written }
      const nested = { id: "1", type: "function", function: flat }
      for (const answer of [
        { whole: older([flat]) },
        { whole: older([nested]) },
        message({ content: null, tool_calls: [nested] }),
        streamed(older([{ index: 0, ...nested }])),
        streamed(toolCalls({ index: 0, ...nested }))
      ]) {
        assert.deepStrictEqual(calls(yield* partsOf(answer)), [["bash", read]])
      }
    }
  })
)

it.effect('5: "finish_reason:stop although tool calls are present"', () =>
  Effect.gen(function* () {
    const call = { index: 0, id: "1", function: { name: "bash", arguments: '{"command":"ls"}' } }
    assert.deepStrictEqual(calls(yield* partsOf(streamed(toolCalls(call), chunk({}, "stop")))), ls)
    assert.deepStrictEqual(calls(yield* partsOf(message({ tool_calls: [call] }, "stop"))), ls)
  })
)

it.effect('6: "no [DONE], no finish_reason = truncated stream; report as error, not stop"', () =>
  Effect.gen(function* () {
    const call = { index: 0, id: "1", function: { name: "bash", arguments: '{"command":"ls"}' } }
    for (const pieces of [[{ response: "a" }], [chunk({ content: "a" })], [toolCalls(call)], [older([call])]]) {
      assert.strictEqual((yield* reasonOf({ stream: pieces.map(event) }))._tag, "ConnectionFailed")
    }
    // One of the two is enough.
    const finished = { stream: [event(chunk({ content: "a" }, "stop"))] }
    assert.strictEqual(textOf(yield* partsOf(finished)), "a")
    assert.strictEqual(textOf(yield* partsOf(streamed({ response: "a" }))), "a")
  })
)

it.effect('7: "null-finalization sentinel chunk for tool calls"', () =>
  Effect.gen(function* () {
    const sentinel = { id: null, type: null, index: 0, function: { name: null, arguments: "" } }
    const start = { id: "1", type: "function", index: 0, function: { name: "bash" } }
    const rest = { index: 0, function: { arguments: '{"command":"ls"}' } }
    const { index: _, ...unnumbered } = sentinel
    for (const end of [sentinel, unnumbered]) {
      const pieces = [[start], [rest], [end]]
      assert.deepStrictEqual(calls(yield* partsOf(streamed(...pieces.map(older)))), ls)
      assert.deepStrictEqual(calls(yield* partsOf(streamed(...pieces.map((piece) => toolCalls(...piece))))), ls)
    }
  })
)

it.effect('8: "argument fragments before the name"', () =>
  Effect.gen(function* () {
    const pieces = [
      { index: 0, id: "1", function: { arguments: '{"comm' } },
      { index: 0, function: { arguments: 'and":' } },
      { index: 0, function: { name: "bash", arguments: '"ls"}' } }
    ]
    assert.deepStrictEqual(calls(yield* partsOf(streamed(...pieces.map((piece) => toolCalls(piece))))), ls)
    assert.deepStrictEqual(calls(yield* partsOf(streamed(...pieces.map((piece) => older([piece]))))), ls)
  })
)

it.effect('9: "gpt-oss leaks a forced call as JSON text with finish_reason:stop; also leaks channel names"', () =>
  Effect.gen(function* () {
    const say = (content: string) =>
      Effect.forEach([message({ content }), streamed(chunk({ content }), chunk({}, "stop"))], (answer) =>
        ask(
          fakeAi(() => answer),
          request("@cf/openai/gpt-oss-20b", "hello")
        )
      )
    for (const json of [
      '{"name":"bash","arguments":{"command":"ls"}}',
      '\n[{"name":"bash","parameters":{"command":"ls"}}]'
    ])
      for (const parts of yield* say(json)) assert.deepStrictEqual([calls(parts), textOf(parts).trim()], [ls, ""])
    for (const text of ['{"name":"analysis"}', '{"name":"rm","arguments":{}}', '{"answer":42}'])
      for (const parts of yield* say(text)) assert.deepStrictEqual([calls(parts), textOf(parts)], [[], text])
    // In the middle of an answer it is an example.
    for (const parts of yield* say('Write {"name":"bash","arguments":{"command":"ls"}} then.'))
      assert.lengthOf(calls(parts), 0)
  })
)

it.effect('15: "reasoning field is reasoning_content or reasoning"', () =>
  Effect.gen(function* () {
    for (const field of ["reasoning_content", "reasoning"]) {
      for (const answer of [
        streamed(chunk({ [field]: "Let me " }), chunk({ [field]: "see." }), chunk({ content: "ok" }, "stop")),
        message({ [field]: "Let me see.", content: "ok" })
      ]) {
        const parts = yield* partsOf(answer)
        const thought = parts.map((part) => (part.type === "reasoning" ? part.text : "")).join("")
        assert.deepStrictEqual([thought, textOf(parts)], ["Let me see.", "ok"])
      }
    }
  })
)

const whole = { response: "Hello", usage: { prompt_tokens: 3, completion_tokens: 1 } }
const wrapped = (result: unknown) => ({ status: 200, body: { result, success: true, errors: [], messages: [] } })

it.effect('16: "gpt-oss/kimi on REST /ai/run ignored stream:true (JSON or empty)"', () =>
  Effect.gen(function* () {
    assert.strictEqual(textOf(yield* partsOverRest(wrapped(whole))), "Hello")
    for (const nothing of [wrapped({}), wrapped(null), wrapped(""), { raw: "", contentType: "application/json" }]) {
      const { url, requests } = yield* serve([nothing, wrapped(whole)])
      const models = yield* rest(url)
      assert.strictEqual(textOf(yield* Stream.runCollect(models.stream(request(glm, "hello")))), "Hello")
      assert.deepStrictEqual(
        requests.map(({ body }) => [body.stream, body.stream_options]),
        [
          [true, { include_usage: true }],
          [false, undefined]
        ]
      )
    }
  })
)

it.effect('17: "kimi-k2.6 outputs only thinking, no calls": calls within the thinking are made', () =>
  Effect.gen(function* () {
    const call =
      '<|tool_calls_section_begin|><|tool_call_begin|>functions.bash:0<|tool_call_argument_begin|>{"command":"ls"}<|tool_call_end|><|tool_calls_section_end|>'
    const thinks = (...deltas: ReadonlyArray<object>) =>
      ask(
        fakeAi(() => streamed(...deltas.map((delta) => chunk(delta)), chunk({}, "stop"))),
        request("@cf/moonshotai/kimi-k2.6", "hello")
      )
    const reasoning = [{ reasoning_content: "I will look. " }, { reasoning_content: call }]
    assert.deepStrictEqual(calls(yield* thinks(...reasoning)), ls)
    assert.deepStrictEqual(calls(yield* thinks(...reasoning, { content: "\n\n" })), ls)
    // An answer that follows shows that they were only thought of.
    assert.lengthOf(calls(yield* thinks(...reasoning, { content: "It is fine." })), 0)
    assert.lengthOf(calls(yield* thinks({ reasoning_content: "I will look." })), 0)
    // What cannot be run is not run, and the model is told.
    for (const [name, refused] of [
      ["rm", call.replace("functions.bash", "functions.rm")],
      ["bash", call.replace('"}', "")],
      ["bash", call.slice(0, call.indexOf('"ls'))]
    ] as const) {
      const parts = yield* thinks({ reasoning_content: refused })
      assert.deepStrictEqual(calls(parts), [[name, ""]])
      assert.isNotEmpty(parts.flatMap((part) => (part.type === "tool_call" ? [part.problem ?? ""] : [])).join(""))
      assert.lengthOf(calls(yield* thinks({ reasoning_content: refused }, { content: "It is fine." })), 0)
    }
    // To speak of calls is not to make one.
    for (const prose of [
      "Calls begin with <|tool_call_begin|>, as I know.",
      "I write <|tool_calls_section_begin|> and so on."
    ])
      assert.lengthOf(calls(yield* thinks({ reasoning_content: prose })), 0)
  })
)

it.effect('18: "numbers in response"', () =>
  Effect.gen(function* () {
    assert.strictEqual(textOf(yield* partsOf(streamed({ response: 4 }, { response: 2 }, { response: "!" }))), "42!")
    assert.strictEqual(textOf(yield* partsOf({ whole: { response: 7 } })), "7")
  })
)

it('19: "long SSE parsing costs CPU": twice the events take twice the work, and no more', () => {
  const work = (events: number) => {
    const text = event(chunk({ content: "word " })).repeat(events) + done
    return workOf(() => {
      const answer = new ChatStream(classify, { model: glm, tools: [] })
      for (let at = 0; at < text.length; at += 1_000) answer.feed(text.slice(at, at + 1_000))
      assert.strictEqual(answer.outcome, "finished")
    })
  }
  assert.isAtMost(work(2_000), 2.1 * work(1_000))
})
