import { assert, describe, it } from "@effect/vitest"
import { EventId, SessionId } from "../src/domain/Ids.ts"
import * as Compaction from "../src/loop/Compaction.ts"
import { characters, preamble, total } from "../src/loop/TokenEstimate.ts"
import type { Message, ModelRequest, ToolCall } from "../src/ModelClient.ts"

type Assistant = Message & { readonly role: "assistant" }

let ids = 0
const user = (text: string): Message => ({ role: "user", text })
const said = (text: string): Message => ({ role: "assistant", text, reasoning: "", toolCalls: [] })
const call = (input: ToolCall["input"], ...names: ReadonlyArray<string>): Assistant => ({
  role: "assistant",
  text: "",
  reasoning: "",
  toolCalls: names.map((name) => ({ id: EventId.make(`sevt_${++ids}`), name, input }))
})
const calls = (...names: ReadonlyArray<string>) => call({ path: "a.txt" }, ...names)
/** An answer with calls, and their results. */
const answered = (assistant: Assistant, ...results: ReadonlyArray<string>): ReadonlyArray<Message> => [
  assistant,
  ...results.map((text, index): Message => {
    const { id, name } = assistant.toolCalls[index]!
    return { role: "tool", toolCallId: id, name, text, isError: false }
  })
]
const step = (...results: ReadonlyArray<string>) => answered(calls(...results.map(() => "read")), ...results)
const long = (length: number) => "x".repeat(length)
const times = (count: number, make: (index: number) => ReadonlyArray<Message>) =>
  Array.from({ length: count }, (_, index) => make(index)).flat()

describe("due", () => {
  it.each([
    [0, 1000, false],
    [800, 1000, false],
    [801, 1000, true],
    [5000, 1000, true]
  ])("%d tokens in a window of %d: %s", (tokens, window, due) => {
    assert.strictEqual(Compaction.isDue(tokens, window), due)
  })
})

/** 1,000 tokens of 4 characters. */
const unknown: Compaction.Occupancy = { contextWindow: 1000, contextTokens: 0, overflowed: false }
const overflowed: Compaction.Occupancy = { ...unknown, overflowed: true }

describe("plan", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<Message>, Compaction.Occupancy, number | null]> = [
    ["nothing to cut", [], unknown, null],
    ["the last message stays", [user(long(4000))], unknown, null],
    ["what fits a quarter of the window stays whole", times(4, () => [user(long(200))]), unknown, null],
    ["the newest quarter stays", times(10, () => [user(long(384))]), unknown, 7],
    ["a step that would make it more than half does not", [...step(long(1500)), user(long(900))], unknown, 2],
    ["the last step stays, however long", [user(long(4000)), ...step(long(4000), long(4000))], unknown, 1],
    ["an answer with open calls stays", [user(long(4000)), calls("bash", "bash")], unknown, 1],
    ["results stay with their calls", times(6, () => step(long(200), long(200), long(200))), unknown, 16],
    ["less than a quarter won is nothing won", [user(long(900)), ...step(long(3000))], unknown, null],
    ["unless it overflowed", [user(long(900)), ...step(long(3000))], overflowed, 1],
    ["overflowed, an eighth stays", times(10, () => [user(long(134))]), overflowed, 9],
    ["overflowed, of what there is where that is less", times(100, () => [user(long(4))]), overflowed, 88],
    ["overflowed, a summary alone is not cut", [Compaction.summaryMessage("a"), user(long(9000))], overflowed, null],
    ["a summary and more is", [Compaction.summaryMessage("a"), user("b"), user(long(9000))], overflowed, 2]
  ]
  it.each(cases)("%s", (_, messages, occupancy, count) => {
    assert.strictEqual(Compaction.plan(messages, occupancy), count)
  })

  it("counts by what the server counted of the conversation so far", () => {
    const messages = [...times(50, () => [user("a"), said(long(1000 - 33))]), ...step(long(968))]
    const counted = total(messages.slice(0, -1))
    const keep = (contextTokens: number) => {
      const count = Compaction.plan(messages, { contextWindow: 10_000, contextTokens, overflowed: false })
      return total(messages.slice(count!))
    }
    // A quarter of the window: 2,500 tokens.
    assert.closeTo(keep(counted / 2), 5_000, 1_100)
    assert.closeTo(keep(counted / 4), 10_000, 1_100)
    assert.strictEqual(keep(0), keep(counted / 4))
    assert.strictEqual(keep(100), keep(counted / 6), "no text has a hundred characters for a token")
  })
})

const base: ModelRequest = {
  model: "m",
  sessionId: SessionId.make("sesn_1"),
  system: "You are an agent.",
  tools: [{ name: "read", description: "Reads a file", parameters: { type: "object" } }],
  messages: []
}
const sizeOf = (request: ModelRequest) => preamble(request) + total(request.messages)

describe("request", () => {
  it("begins as the last request did, and ends by asking for the summary", () => {
    const messages = [user("do it"), ...step("a"), said("done"), user("and now?")]
    const request = Compaction.request({ ...base, messages }, 4, { ...unknown, contextWindow: 10_000 })
    assert.deepStrictEqual({ ...request, messages: [] }, base)
    assert.deepStrictEqual(request.messages.slice(0, -1), messages.slice(0, 4))
    const ask = request.messages.at(-1)!
    assert.strictEqual(ask.role, "user")
    assert.match(ask.text, /summary/)
    assert.match(ask.text, /call no tool/)
  })

  it("shortens long texts in the middle before it leaves any message out", () => {
    const written = { ...call({ content: `<${long(40_000)}>` }, "write"), reasoning: long(40_000) }
    const result = `(${long(90_000)})`
    const messages = [user("do it"), ...step(result), ...answered(written, result)]
    const request = Compaction.request({ ...base, messages }, 5, { ...unknown, contextWindow: 10_000 })
    const [task, , read, write, last, ask] = request.messages
    assert.isUndefined(request.messages[6])
    assert.isDefined(ask)
    assert.deepStrictEqual(task, messages[0])
    assert.match(read!.text, /^\(x+\n\[\.\.\. \d+ characters are left out here \.\.\.\]\nx+\)$/)
    assert.deepStrictEqual(last!.text, read!.text)
    assert.match(JSON.stringify(write), /"input":\{"shortened":"\{\\"content\\":\\"<x+\\n\[/)
    assert.isAtMost(sizeOf(request), 34_000)
    assert.isAtLeast(sizeOf(request), 10_000, "no shorter than need be")
  })

  it("then leaves the oldest out, but for the task, and says so", () => {
    const messages = [user("do it"), ...times(100, (index) => step(`${index}:${long(5000)}`)), said("done")]
    const ask = (contextWindow: number) => Compaction.request({ ...base, messages }, 201, { ...unknown, contextWindow })
    for (let window = 10_000; window < 10_400; window++) assert.isAtMost(sizeOf(ask(window)), 3.4 * window)

    const request = ask(10_000)
    const [task, note, ...kept] = request.messages
    assert.deepStrictEqual(task, messages[0])
    assert.strictEqual(note!.text, `[messages left out here, because they do not fit: ${200 - (kept.length - 1)}]`)
    assert.strictEqual(kept[0]!.role, "assistant")
    assert.match(kept.at(-2)!.text, /^99:/)
    assert.isAtLeast(sizeOf(request), 31_000, "no shorter than need be")
  })

  it("leaves the task out too where it would take most of the room", () => {
    const messages = [user(long(5000)), ...times(10, (index) => step(`${index}`)), said("done")]
    const request = Compaction.request({ ...base, messages }, 21, { ...unknown, contextWindow: 750 })
    assert.isAtMost(sizeOf(request), 750 * 3.4)
    assert.strictEqual(request.messages[0]!.text, "[messages left out here, because they do not fit: 1]")
    assert.isAbove(request.messages.length, 10)
  })

  it("asks with half of what did not fit", () => {
    const messages = [user("do it"), ...times(30, () => step(long(1000)))]
    const all = { ...base, messages }
    const request = Compaction.request(all, 59, { ...overflowed, contextWindow: 1_000_000 })
    assert.isAtMost(sizeOf(request), sizeOf(all) / 2)
  })
})

describe("the summary", () => {
  it("says in the conversation what it is", () => {
    const message = Compaction.summaryMessage("Goal: a game.")
    assert.strictEqual(message.role, "user")
    assert.match(message.text, /^\[Earlier messages .*summary.*\]\n\nGoal: a game\.$/)
  })

  it("of a model is kept as it is, but not at any length", () => {
    assert.strictEqual(Compaction.summaryText(" Goal: a game.\n", 32_768), "Goal: a game.")
    assert.strictEqual(Compaction.summaryText(`(${long(100_000)})`, 32_768).length <= 8_192, true)
    assert.match(Compaction.summaryText(`(${long(100_000)})`, 32_768), /^\(x+\n.*left out.*\nx+\)$/)
    assert.isTrue(Compaction.summaryText(`x${"😀".repeat(50_000)}`, 32_768).isWellFormed())
  })

  it("without a model says what was asked, what was called and what was answered", () => {
    const messages = [
      user("write a game"),
      ...step("1"),
      ...step("2", "3"),
      calls("bash"),
      said("It is written."),
      user("now test it"),
      calls("bash")
    ]
    assert.strictEqual(
      Compaction.outline(messages),
      "The user wrote:\n- write a game\n- now test it\n\n" +
        "Tools that were called, and how often: read (3), bash (2)\n\n" +
        "The last answer was:\nIt is written."
    )
    assert.strictEqual(Compaction.outline([user("hello")]), "The user wrote:\n- hello")
  })

  it("without a model keeps the first message and the newest, shortened", () => {
    const messages = times(1000, (index) => [user(`${index}.${long(2000)}`), { ...calls(long(100)), text: long(9000) }])
    const outline = Compaction.outline(messages)
    assert.isAtMost(outline.length, 5000)
    const numbers = outline.match(/(?<=^- )\d+(?=\.)/gm)
    assert.deepStrictEqual(numbers, ["0", "995", "996", "997", "998", "999"])
    assert.match(outline, /\[messages left out here: 994\]/)
  })
})

it("a message is as long as what the model reads of it", () => {
  assert.isAtLeast(characters(step(long(50))[1]!), 50)
  assert.isAtLeast(characters({ role: "assistant", text: "a", reasoning: long(50), toolCalls: [] }), 51)
  const { id } = calls("write").toolCalls[0]!
  const written = { id, name: "write", input: { content: long(50) } }
  assert.isAtLeast(characters({ role: "assistant", text: "", reasoning: "", toolCalls: [written] }), 50)
})
