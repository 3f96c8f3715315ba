import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { EventId, SessionId } from "../src/domain/Ids.ts"
import * as Compaction from "../src/loop/Compaction.ts"
import { preamble, total } from "../src/loop/TokenEstimate.ts"
import type { Message, ModelRequest } from "../src/ModelClient.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A message of the user, or an answer with so many calls, and how long its texts are beside those of other steps. */
const Step = Schema.Struct({ isUser: Schema.Boolean, calls: between(0, 4), weight: between(0, 20) })
const History = Schema.NonEmptyArray(Step)
const windows = Schema.Literals([8_000, 32_768, 131_072])
/** Tenths of a character for one token. */
const Tenths = between(15, 55)

const messagesOf = (step: typeof Step.Type, unit: number, at: number): ReadonlyArray<Message> => {
  const text = "x".repeat(step.weight * unit)
  if (step.isUser) return [{ role: "user", text }]
  const toolCalls = Array.from({ length: step.calls }, (_, index) => ({
    id: EventId.make(`sevt_${at}x${index}`),
    name: "write",
    input: { content: text }
  }))
  return [
    { role: "assistant", text, reasoning: text, toolCalls },
    ...toolCalls.map(({ id, name }): Message => ({ role: "tool", toolCallId: id, name, text, isError: false }))
  ]
}

const conversation = (history: ReadonlyArray<typeof Step.Type>, unit: number, open = false): ReadonlyArray<Message> => {
  const messages = [{ isUser: true, calls: 0, weight: 1 }, ...history].flatMap((step, at) => messagesOf(step, unit, at))
  return open ? messages.slice(0, 1 + messages.findLastIndex(({ role }) => role !== "tool")) : messages
}

/** Scaled to about so many characters. */
const scaled = (history: ReadonlyArray<typeof Step.Type>, length: number) => {
  const perUnit = total(conversation(history, 1)) - total(conversation(history, 0))
  return conversation(history, Math.floor(Math.max(0, length - total(conversation(history, 0))) / perUnit))
}

/** What a server that counts so many characters for a token says of the last answered request. */
const countedBy = (messages: ReadonlyArray<Message>, perToken: number, before = 0) => {
  const answer = messages.findLastIndex(({ role }) => role === "assistant")
  return answer < 0 ? 0 : Math.ceil((before + total(messages.slice(0, answer + 1))) / perToken)
}

/** Each answer is followed by the results of its calls, or is the last message. */
const assertPairsWhole = (messages: ReadonlyArray<Message>) => {
  const last = messages.at(-1)
  const expected = messages.flatMap((message) =>
    message.role === "assistant" && message !== last ? message.toolCalls.map(({ id }) => id) : []
  )
  const results = messages.flatMap((message) => (message.role === "tool" ? [message.toolCallId] : []))
  assert.deepStrictEqual(results, expected)
}

it.prop(
  "whatever is known of the context, a cut keeps pairs whole, the last message, and its mind",
  [History, Schema.Boolean, windows, between(0, 1_500_000), Schema.Boolean, between(0, 3000)],
  ([history, open, contextWindow, contextTokens, overflowed, unit]) => {
    const messages = conversation(history, unit, open)
    const occupancy = { contextWindow, contextTokens, overflowed }
    const count = Compaction.plan(messages, occupancy)
    assert.strictEqual(Compaction.plan(messages, occupancy), count)
    if (count === null) return
    assert.isTrue(count > 0 && count < messages.length)
    assert.notStrictEqual(messages[count]!.role, "tool")
    assertPairsWhole(messages.slice(count))
    const replaced = messages.slice(0, count)
    assertPairsWhole([...replaced, { role: "user", text: "a message after them" }])
    if (!overflowed) assert.isAtLeast(total(replaced), total(messages) / 4)
  },
  { arbitrary: { runs: 1000 } }
)

it.prop(
  "a conversation that is due, and whose last step is not huge, is cut, and is then not due with any summary",
  [History, between(50_000, 500_000), Tenths, between(81, 130), between(0, 20), Step],
  ([history, length, tenths, percent, lastPercent, last]) => {
    const perToken = tenths / 10
    const messages = [
      ...scaled(history, length),
      ...scaled([last], (length * lastPercent) / 100),
      { role: "assistant" as const, text: "", reasoning: "", toolCalls: [] }
    ]
    const contextTokens = countedBy(messages, perToken)
    const contextWindow = Math.floor((contextTokens * 100) / percent)
    assert.isTrue(Compaction.isDue(contextTokens, contextWindow))
    const count = Compaction.plan(messages, { contextWindow, contextTokens, overflowed: false })
    assert.isNotNull(count)
    const summary = Compaction.summaryMessage(Compaction.summaryText("x".repeat(1_000_000), contextWindow))
    const after = [summary, ...messages.slice(count)]
    assert.isFalse(Compaction.isDue(countedBy(after, perToken), contextWindow))
  },
  { arbitrary: { runs: 300 } }
)

const base: ModelRequest = {
  model: "m",
  sessionId: SessionId.make("sesn_1"),
  system: "You are an agent.",
  tools: [{ name: "write", description: "Writes a file", parameters: { type: "object" } }],
  messages: []
}

it.prop(
  "asking for the summary always fits, with whole pairs, and is the old prompt and one message where that fits",
  [History, windows, Tenths, between(10, 400), between(0, 100), Schema.Boolean],
  ([history, contextWindow, tenths, percent, part, overflowed]) => {
    const perToken = tenths / 10
    const all = { ...base, messages: scaled(history, (contextWindow * perToken * percent) / 100) }
    const { messages } = all
    const starts = messages.flatMap(({ role }, index) => (role === "tool" ? [] : [index]))
    const count = starts[Math.floor((part / 100) * (starts.length - 1))]!
    const contextTokens = countedBy(messages, perToken, preamble(base))
    const request = Compaction.request(all, count, { contextWindow, contextTokens, overflowed })

    const size = preamble(request) + total(request.messages)
    const scale = contextTokens === 0 ? 4 : perToken
    const fits = Math.floor(size / scale) <= 0.85 * contextWindow
    assert.isTrue(fits, `${size} characters in ${contextWindow} tokens`)
    assertPairsWhole(request.messages)
    assert.strictEqual(request.messages.at(-1)!.role, "user")
    const whole = { ...all, messages: [...messages.slice(0, count), request.messages.at(-1)!] }
    if (!overflowed && preamble(whole) + total(whole.messages) <= 0.84 * contextWindow * scale) {
      assert.deepStrictEqual(request, whole)
    }
  },
  { arbitrary: { runs: 300 } }
)

it.prop(
  "a session that goes on and on is compacted now and then, never step after step, and never outgrows its window",
  [History, Schema.Literals([8_000, 32_768]), Tenths],
  ([history, contextWindow, tenths]) => {
    const perToken = tenths / 10
    // Four texts of at most 20 units: no step fills more than a tenth of the window.
    const unit = Math.floor((contextWindow * perToken) / 10 / 100)
    let messages = conversation([], unit)
    let grown = 0
    let compactions = 0
    for (let at = 0; grown < 8 * contextWindow * perToken; at++) {
      const weight = Math.max(5, history[at % history.length]!.weight)
      const step = messagesOf({ isUser: false, calls: 1, weight }, unit, at)
      messages = [...messages, ...step]
      grown += total(step)
      const contextTokens = countedBy(messages, perToken)
      assert.isAtMost(Math.ceil(total(messages) / perToken), contextWindow)
      if (!Compaction.isDue(contextTokens, contextWindow)) continue
      const count = Compaction.plan(messages, { contextWindow, contextTokens, overflowed: false })
      assert.isNotNull(count)
      const summary = Compaction.summaryText("x".repeat(100_000), contextWindow)
      messages = [Compaction.summaryMessage(summary), ...messages.slice(count)]
      compactions++
    }
    // Between two of them at least a tenth of the window was filled.
    assert.isTrue(compactions > 0 && compactions <= 80, `${compactions} compactions`)
  },
  { arbitrary: { runs: 50 } }
)
