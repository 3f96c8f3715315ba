import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import * as OpenAiCompatible from "../layers/model/OpenAiCompatible.ts"
import { agentLoop } from "../layers/test.ts"
import type { Tool } from "../src/tools/defineTool.ts"
import { converse, echo, ofType, results, session, stopReason } from "./support/agentLoop.ts"
import type { MockAnswer } from "./support/mockOpenAi.ts"
import { serve } from "./support/openAiCompatible.ts"

/** A server that does not know its model's format leaves tool calls and reasoning in the text. */

const conversation = <A, E, R>(
  model: string,
  answers: ReadonlyArray<MockAnswer>,
  check: Effect.Effect<A, E, R>,
  tool: Tool = echo
) =>
  Effect.gen(function* () {
    const server = yield* serve(answers)
    const client = OpenAiCompatible.layer({ name: "local", baseUrl: server.url }).pipe(
      Layer.provide(FetchHttpClient.layer),
      Layer.orDie
    )
    return yield* Effect.andThen(converse("go", { agent: { ...session.agent, model: { id: model } } }), check).pipe(
      Effect.provide(agentLoop({ id: session.id, model: client, tools: [tool] }))
    )
  })

const texts = Effect.map(ofType("agent.message"), (all) => all.map(({ content }) => content[0]!.text))
const glm = "<tool_call>echo\n<arg_key>text</arg_key>\n<arg_value>hi</arg_value>\n</tool_call>"
const pieces = (text: string) => text.match(/.{1,3}/gs)!

describe("a tool call in the text of an answer", () => {
  it.effect("is run, and neither it nor the reasoning before it is shown as text", () =>
    conversation(
      "local/glm-4.7",
      [{ text: pieces(`<think>Let me see.</think>I will say it.\n${glm}`) }, { text: "done" }],
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* results, [{ text: "echo hi", is_error: false }])
        assert.deepStrictEqual(
          (yield* texts).map((text) => text.trim()),
          ["I will say it.", "done"]
        )
        const [thinking] = yield* ofType("agent.thinking")
        assert.strictEqual(thinking!.content[0]!.text.trim(), "Let me see.")
        assert.strictEqual(yield* stopReason, "end_turn")
      })
    )
  )

  it.effect("is run in the format that the text itself shows, where nothing is known of the model", () =>
    conversation(
      "local/mine",
      [{ text: '<tool_call>\n{"name": "echo", "arguments": {"text": "hi"}}\n</tool_call>' }, { text: "done" }],
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* results, [{ text: "echo hi", is_error: false }])
      })
    )
  )

  it.effect("is not run where there is no such tool: the model is told", () =>
    conversation(
      "local/qwen3",
      [{ text: '<tool_call>\n{"name": "rm", "arguments": {}}\n</tool_call>' }, { text: "sorry" }],
      Effect.gen(function* () {
        const [result] = yield* results
        assert.isTrue(result!.is_error)
        assert.include(result!.text, "rm")
        assert.include(result!.text, "echo", "it names the tools that there are")
        assert.strictEqual(yield* stopReason, "end_turn")
      })
    )
  )

  it.effect("in reasoning that is all of the answer is run, or refused in words that the model reads", () =>
    conversation(
      "local/qwen3",
      [
        { reasoning: ['So: <tool_call>{"name": "rm", "arguments": {}}</tool_call>'] },
        { reasoning: ['Then: <tool_call>{"name": "echo", "arguments": {"text": "hi"}}</tool_call>'] },
        { text: '<think>And: <tool_call>{"name": "echo", "argu' },
        { text: '<think>The format is <tool_call>{"name": "echo", "arguments": {"text": "ho"}}</tool_call>.' },
        { text: "done" }
      ],
      Effect.gen(function* () {
        const [undeclared, whole, broken, thought] = yield* results
        assert.isTrue(undeclared!.is_error)
        assert.include(undeclared!.text, '"rm"')
        assert.deepStrictEqual(whole, { text: "echo hi", is_error: false })
        assert.isTrue(broken!.is_error)
        assert.include(broken!.text, "cut off")
        assert.deepStrictEqual(thought, { text: "echo ho", is_error: false })
        assert.strictEqual(yield* stopReason, "end_turn")
      })
    )
  )

  it.effect("that its server reported as well is run once", () =>
    conversation(
      "local/glm-4.7",
      [{ text: glm, calls: [{ name: "echo", arguments: { text: "hi" } }] }, { text: "done" }],
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* results, [{ text: "echo hi", is_error: false }])
      })
    )
  )

  it.effect("that cannot be read is never run, though what it holds could be repaired", () => {
    const any = { ...echo, name: "any", inputSchema: { type: "object" }, run: () => Effect.succeed("ran") } as const
    return conversation(
      "local/qwen3",
      [{ text: '<tool_call>\n{"name": "any", "arguments": {"a": 1' }, { text: "sorry" }],
      Effect.gen(function* () {
        assert.isTrue((yield* results).every(({ is_error, text }) => is_error && text !== "ran"))
        assert.strictEqual(yield* stopReason, "end_turn")
      }),
      any
    )
  })

  it.effect("that was cut off is not guessed at", () =>
    conversation(
      "local/glm-4.7",
      [{ raw: truncatedAnswer(glm.slice(0, 45)) }, { text: "shorter" }],
      Effect.gen(function* () {
        for (const { is_error } of yield* results) assert.isTrue(is_error)
        assert.strictEqual(yield* stopReason, "end_turn")
      })
    )
  )
})

function truncatedAnswer(content: string) {
  const event = (choice: object) => `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`
  return [event({ delta: { content } }), event({ delta: {}, finish_reason: "length" }), "data: [DONE]\n\n"]
}
