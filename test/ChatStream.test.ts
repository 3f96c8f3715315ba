import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { isRetryable, type ModelPart } from "../src/ModelClient.ts"
import { ChatStream } from "../src/model/ChatStream.ts"
import { reasonOf } from "../src/model/ProviderFailure.ts"
import { streams } from "./support/fakeAi.ts"
import { chunk, event } from "./support/mockOpenAi.ts"

/** What comes of a body that arrives in these pieces. */
const readAll = (pieces: Iterable<string>) => {
  const answer = new ChatStream(reasonOf, { model: "local/m", tools: [] })
  const parts: Array<ModelPart> = []
  for (const piece of pieces) {
    answer.feed(piece)
    parts.push(...answer.take())
  }
  answer.end()
  return { parts: [...parts, ...answer.take()], outcome: answer.outcome }
}

/** A text cut at these places, each taken modulo its length. */
const cut = (text: string, places: ReadonlyArray<number>): ReadonlyArray<string> => {
  const sorted = [...new Set([0, ...places.map((place) => Math.abs(place) % (text.length + 1)), text.length])].sort(
    (a, b) => a - b
  )
  return sorted.slice(1).map((end, index) => text.slice(sorted[index], end))
}

const Delta = Schema.Union([
  Schema.Struct({ content: Schema.String }),
  Schema.Struct({ reasoning_content: Schema.String }),
  Schema.Struct({ reasoning: Schema.NullOr(Schema.String), content: Schema.NullOr(Schema.String) })
])
const Places = Schema.Array(Schema.Int)

it.effect.prop("any cut of a stream gives the same parts", [Schema.Array(Delta), Places], ([deltas, places]) =>
  Effect.sync(() => {
    const text = [...deltas.map((delta) => event(chunk(delta))), ...streams.call.openai].join("")
    const whole = readAll([text])
    assert.strictEqual(whole.outcome, "finished")
    assert.deepStrictEqual(readAll(cut(text, places)), whole)
    assert.deepStrictEqual(readAll(cut(text.replaceAll("\n", "\r\n"), places)), whole)
  })
)

it("any cut in two, and every character alone, gives the same parts, in both of Workers AI's shapes", () => {
  for (const pieces of [streams.text.older, streams.call.older, streams.text.openai, streams.call.openai]) {
    const text = pieces.join("")
    const whole = readAll([text])
    assert.strictEqual(whole.outcome, "finished")
    assert.deepStrictEqual(readAll(text), whole)
    for (let place = 0; place <= text.length; place++) assert.deepStrictEqual(readAll(cut(text, [place])), whole)
  }
})

it("a stream that breaks off before its end is never taken for whole, and gives none of its calls", () => {
  for (const pieces of [streams.text.older, streams.call.older]) {
    const text = pieces.join("")
    for (let end = 1; end < text.indexOf("[DONE]") + "[DONE]".length; end++) {
      const { parts, outcome } = readAll([text.slice(0, end)])
      assert.strictEqual(typeof outcome === "object" && outcome._tag, "ConnectionFailed")
      assert.isEmpty(parts.filter(({ type }) => type === "tool_call" || type === "finish"))
    }
  }
})

const Calls = Schema.Array(
  Schema.Struct({
    name: Schema.Literals(["read", "read_file", "bash"]),
    input: Schema.Record(Schema.String, Schema.Json),
    places: Places
  })
)
/** How servers number calls: properly; all alike, told apart by ids; by ids alone; by index alone. */
const Numbering = Schema.Literals(["openai", "ollama", "noIndex", "noIds"])

it.effect.prop(
  "calls come back as they were sent, however servers number and cut them",
  [Calls, Numbering],
  ([calls, numbering]) =>
    Effect.sync(() => {
      const deltas = calls.flatMap(({ name, input, places }, call) => {
        const index = numbering === "noIndex" ? {} : { index: numbering === "ollama" ? 0 : call }
        const id = numbering === "noIds" ? {} : { id: `call_${call}` }
        const pieces = cut(JSON.stringify(input), places)
        return [
          { ...index, ...id, function: { name } },
          ...pieces.map((piece) => ({ ...index, function: { arguments: piece } }))
        ]
      })
      const { parts } = readAll([...deltas.map((delta) => event(chunk({ tool_calls: [delta] }))), "data: [DONE]\n\n"])
      assert.deepStrictEqual(
        parts.slice(0, -1),
        calls.map(({ name, input }) => ({ type: "tool_call", name, arguments: JSON.stringify(input) }))
      )
    })
)

it.effect.prop("nonsense never throws", [Schema.Array(Schema.Json), Schema.String, Places], ([values, text, places]) =>
  Effect.sync(() => {
    const noise = values.map((value) => event({ choices: [value], error: value, tool_calls: value })).join("")
    assert.isDefined(readAll(cut(noise + text, places)).outcome)
    assert.isDefined(readAll(cut(JSON.stringify({ choices: values, response: text }), places)).outcome)
  })
)

const k100 = "x".repeat(100_000)
const times = (count: number, text: string) => Array.from({ length: count }, () => text)
const call = (fields: object) => event(chunk({ tool_calls: [fields] }))

const tooLong: Readonly<Record<string, ReadonlyArray<string>>> = {
  text: times(7, event(chunk({ content: k100 }))),
  reasoning: times(7, event(chunk({ reasoning: k100 }))),
  "arguments of a call": times(7, call({ index: 0, function: { name: "a", arguments: k100 } })),
  "the name of a call": times(7, "").map((_, n) => call({ index: 0, function: { name: k100.repeat(n) } })),
  "all of it together": [
    event(chunk({ content: k100 + k100, reasoning: k100 + k100 })),
    call({ index: 0, function: { name: "a", arguments: k100 } }),
    call({ index: 1, function: { name: "a", arguments: k100 } })
  ],
  calls: times(601, "").map((_, index) => call({ index, function: { name: "a" } })),
  "a whole answer": [JSON.stringify({ choices: [{ message: { content: k100.repeat(7) } }] })],
  "a whole answer that does not end": ['{"response": "', ...times(41, k100)],
  "an event that does not end": ["data: ", ...times(41, k100)]
}
for (const [what, pieces] of Object.entries(tooLong)) {
  it(`too long: ${what}`, () => {
    const { parts, outcome } = readAll(pieces)
    assert.strictEqual(typeof outcome === "object" && outcome._tag, "AnswerTooLong")
    assert.isAtMost(parts.map((part) => ("text" in part ? part.text : "")).join("").length, 600_000)
    assert.isEmpty(parts.filter(({ type }) => type === "tool_call" || type === "finish"))
  })
}

it("an answer of 600,000 characters is read, however JSON writes them, and one that is too long is not asked for again", () => {
  const text = "\\u6f22".repeat(600_000)
  assert.strictEqual(
    readAll([`data: {"choices":[{"delta":{"content":"${text}"}}]}\n\ndata: [DONE]\n\n`]).outcome,
    "finished"
  )
  assert.strictEqual(readAll([`{"response":`, `"${text}"}`]).outcome, "finished")
  assert.isFalse(isRetryable("AnswerTooLong"))
})
