import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { EventId } from "../src/domain/Ids.ts"
import { isRetryable, type Message, type ModelRequest } from "../src/ModelClient.ts"
import { request, textOf } from "./ModelClient.contract.ts"
import { fakeAi, streams } from "./support/fakeAi.ts"
import { type Anything, event } from "./support/mockOpenAi.ts"
import { serve, toolCalls } from "./support/openAiCompatible.ts"
import { ask, glm, mistral, partsOf, reasonOf, rest } from "./support/workersAi.ts"

/** What Workers AI and its models want of a request, by the row of the list of quirks that each test is named after. */

const conversation: ReadonlyArray<Message> = [
  { role: "user", text: "list" },
  {
    role: "assistant",
    text: "",
    reasoning: "I should look.",
    toolCalls: ["sevt_1", "sevt_2"].map((id) => ({ id: EventId.make(id), name: "bash", input: {} }))
  },
  { role: "tool", toolCallId: EventId.make("sevt_1"), name: "bash", text: "a.txt", isError: false },
  { role: "tool", toolCallId: EventId.make("sevt_2"), name: "bash", text: "b.txt", isError: false }
]

/** The same request as the binding and as the REST API get it. */
const sent = Effect.fnUntraced(function* (model: string, fields: Partial<ModelRequest> = { messages: conversation }) {
  const asked = request(model, "hello", fields)
  const ai = fakeAi(() => ({ stream: streams.text.openai }))
  yield* ask(ai, asked)
  const { url, requests } = yield* serve([{ raw: streams.text.openai }])
  yield* Stream.runDrain((yield* rest(url)).stream(asked))
  return [ai.calls[0]?.inputs, requests[0]?.body] as ReadonlyArray<Anything>
})

it.effect('1: "content:null or absent on an assistant tool-call message is rejected"', () =>
  Effect.gen(function* () {
    for (const { messages } of yield* sent(glm)) {
      assert.deepStrictEqual(
        messages.map(({ content }: Anything) => content),
        ["Be brief.", "list", "", "a.txt", "b.txt"]
      )
    }
  })
)

it.effect('2: "array content rejected by legacy models"', () =>
  Effect.gen(function* () {
    for (const { messages } of yield* sent(mistral)) {
      for (const { content } of messages) assert.isString(content)
    }
  })
)

it.effect(
  '4: "ids missing, duplicated across turns (functions.x:0, call_0)": what is sent are our own, each once',
  () =>
    Effect.gen(function* () {
      const entry = (id?: string) => ({
        ...(id === undefined ? {} : { id }),
        function: { name: "bash", arguments: "{}" }
      })
      for (const id of ["functions.bash:0", undefined]) {
        const tool_calls = [entry(id), entry(id)]
        const whole = { whole: { choices: [{ message: { tool_calls } }] } }
        const deltas = tool_calls.map((call, index) => event(toolCalls({ index, ...call })))
        for (const answer of [whole, { stream: [...deltas, "data: [DONE]\n\n"] }]) {
          const call = { type: "tool_call" as const, name: "bash", arguments: "{}" }
          assert.deepStrictEqual((yield* partsOf(answer)).slice(0, -1), [call, call])
        }
      }
      for (const { messages } of yield* sent(glm)) {
        const [, , { tool_calls: calls }, ...results] = messages
        const ids = ["sevt_1", "sevt_2"]
        assert.deepStrictEqual(
          [calls.map(({ id }: Anything) => id), results.map((r: Anything) => r.tool_call_id)],
          [ids, ids]
        )
      }
    })
)

it.effect('10: "tool_choice:required is advisory": it is not relied upon', () =>
  Effect.gen(function* () {
    for (const { tool_choice: choice } of yield* sent("@cf/openai/gpt-oss-120b")) assert.strictEqual(choice, "auto")
    // A model that had to call, and wrote text instead, has answered.
    const answer = { whole: { choices: [{ message: { content: "no" }, finish_reason: "stop" }] } }
    assert.strictEqual(textOf(yield* partsOf(answer)), "no")
  })
)

it.effect('11: "tool_choice:any and description:false -> 8001": neither is sent, and 8001 is not asked again', () =>
  Effect.gen(function* () {
    for (const { tool_choice: choice, tools } of yield* sent(glm)) {
      assert.include(["auto", "none", "required"], choice)
      for (const { function: declared } of tools) assert.isString(declared.description)
    }
    const reason = yield* reasonOf({ error: "8001: Invalid input" })
    assert.isFalse(isRetryable(reason._tag))
  })
)

it.effect('12: "mistral-small skips tools unless tool_choice:auto is sent"', () =>
  Effect.gen(function* () {
    for (const { tool_choice: choice } of yield* sent(mistral)) assert.strictEqual(choice, "auto")
    // Without tools there is nothing to choose, which some servers reject.
    for (const body of yield* sent(mistral, { tools: [] })) {
      assert.notProperty(body, "tool_choice")
      assert.notProperty(body, "tools")
    }
  })
)

it.effect('13: "json_schema must be the bare schema, no streaming in JSON mode, response may be an object"', () =>
  Effect.gen(function* () {
    for (const body of yield* sent(glm)) assert.notProperty(body, "response_format")
    assert.strictEqual(textOf(yield* partsOf({ whole: { response: { a: 1 } } })), '{"a":1}')
  })
)

it.effect('14: "reasoning must be sent back as reasoning, never inside content"', () =>
  Effect.gen(function* () {
    for (const { messages } of yield* sent(glm)) {
      const [, , assistant] = messages
      assert.deepInclude(assistant, { content: "", reasoning: "I should look." })
      assert.notProperty(assistant, "reasoning_content")
    }
  })
)
