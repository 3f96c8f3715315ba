import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { call, fail, layer as scripted, say, Script, type Step } from "../layers/model/Scripted.ts"
import * as Memory from "../layers/storage/Memory.ts"
import { agentLoop } from "../layers/test.ts"
import { Blobs } from "../src/Blobs.ts"
import { EventId } from "../src/domain/Ids.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { noUsage } from "../src/loop/Spent.ts"
import { ContextOverflow } from "../src/ModelClient.ts"
import { Storage } from "../src/Storage.ts"
import { converse, echo, loop, message, ofType, session, stopReason } from "./support/agentLoop.ts"

/** What keeps a session small: summaries of its conversation, checkpoints of its log, and another place for what is large. */

const requests = Effect.flatMap(Script, ({ requests }) => requests)
const long = "word ".repeat(2_000)
const reads = (input_tokens: number): ReadonlyArray<Step> => [
  ...call("echo", { text: long }),
  { type: "finish", usage: { ...noUsage, input_tokens }, truncated: false }
]

describe("compaction", () => {
  it.effect("puts a summary in place of what the model has no room for, and the log keeps everything", () =>
    Effect.gen(function* () {
      yield* converse("go")
      const all = yield* requests
      const [compacted] = yield* ofType("agent.thread_context_compacted")
      assert.deepStrictEqual(compacted!.summary, [{ type: "text", text: "we echoed words" }])
      const last = all.at(-1)!.messages
      assert.include(last[0]!.text, "we echoed words")
      assert.isBelow(last.length, all.at(-3)!.messages.length)
      assert.isFalse(
        last.some((shown, index) => shown.role === "tool" && index === 1),
        "no result without its call"
      )
      assert.strictEqual(yield* stopReason, "end_turn")
      assert.lengthOf(yield* ofType("agent.tool_result"), 4)
      assert.deepStrictEqual(
        (yield* ofType("span.model_request_start")).map(({ purpose }) => purpose),
        [undefined, undefined, undefined, undefined, "compaction", undefined]
      )
    }).pipe(
      Effect.provide(
        loop([reads(10), reads(20_000), reads(40_000), reads(120_000), say("we echoed words"), say("done")])
      )
    )
  )

  it.effect("follows an answer of the provider that the conversation does not fit, and the turn goes on", () =>
    Effect.gen(function* () {
      yield* converse("go")
      assert.lengthOf(yield* ofType("agent.thread_context_compacted"), 1)
      assert.strictEqual((yield* ofType("session.error"))[0]!.error.retry_status.type, "retrying")
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(
      Effect.provide(
        loop([reads(10), reads(20), fail(new ContextOverflow({ detail: "too long" })), say("so far"), say("done")])
      )
    )
  )

  it.effect("goes without a model where the summary itself does not fit", () =>
    Effect.gen(function* () {
      yield* converse("count the words")
      const [compacted] = yield* ofType("agent.thread_context_compacted")
      assert.include(compacted!.summary[0]!.text, "count the words")
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([reads(10), reads(20), overflow, overflow, say("done")])))
  )

  it.effect("ends the turn where there is nothing to leave out, or where it does not help", () =>
    Effect.gen(function* () {
      yield* converse("a single message that is too long")
      assert.strictEqual(yield* stopReason, "retries_exhausted")
      assert.lengthOf(yield* ofType("agent.thread_context_compacted"), 0)
      const agent = yield* AgentLoop
      yield* agent.send([message("next")])
      yield* agent.run
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([overflow, say("hello")])))
  )
})

const overflow = fail(new ContextOverflow({ detail: "too long" }))

describe("a checkpoint", () => {
  it.effect("lets a session of 20,000 events open without reading its log, and answer", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(Memory.storage)
      const durable = Context.get(services, Storage)
      let read = 0
      const counting = Storage.of({
        ...durable,
        log: (after, limit) =>
          Effect.tap(durable.log(after, limit), (entries) => Effect.sync(() => (read += entries.length)))
      })
      const open = (turns: Parameters<typeof scripted>[0]) =>
        Layer.build(
          Layer.fresh(
            agentLoop({
              id: session.id,
              model: scripted(turns),
              storage: Layer.succeed(Storage, counting),
              tools: [echo]
            })
          )
        ).pipe(Effect.map((services) => Context.get(services, AgentLoop)))
      const first = yield* open([])
      yield* first.putRecord(session)
      // Each fills a page of the log, and leaves nothing behind.
      const flurry = Array.from({ length: 500 }, () => ({ type: "user.interrupt" as const }))
      for (let times = 0; times < 40; times++) yield* first.send(flurry)
      const { seq } = Option.getOrThrow(yield* durable.checkpoint)
      assert.isAtLeast(seq, 19_500)
      read = 0
      const second = yield* open([say("still here")])
      yield* second.send([message("hello")])
      yield* second.run
      assert.isBelow(read, 500)
      assert.strictEqual((yield* second.snapshot).state.messages.at(-1)?.text, "still here")
    }).pipe(Effect.scoped)
  )

  it.effect("of other code is not read: the log has everything", () =>
    Effect.gen(function* () {
      yield* converse("go")
      const storage = yield* Storage
      const { state } = yield* Effect.flatMap(AgentLoop, ({ snapshot }) => snapshot)
      yield* storage.putCheckpoint({ seq: 5, body: JSON.stringify({ version: 0, state: { is: "something else" } }) })
      const opened = yield* Layer.build(
        Layer.fresh(
          agentLoop({ id: session.id, model: scripted([]), storage: Layer.succeed(Storage, storage), tools: [echo] })
        )
      )
      assert.deepStrictEqual((yield* Context.get(opened, AgentLoop).snapshot).state, state)
    }).pipe(Effect.scoped, Effect.provide(loop([call("echo", { text: "hi" }), say("done")])))
  )
})

describe("a result too long for the log", () => {
  it.effect("is stored whole, and the model and the log are shown its two ends", () => {
    const whole = `begin${"x".repeat(400_000)}end`
    const large = { ...echo, run: () => Effect.succeed(whole) }
    return Effect.gen(function* () {
      yield* converse("go")
      const [result] = yield* ofType("agent.tool_result")
      assert.strictEqual(result!.stored_characters, whole.length)
      const shown = result!.content[0]!.text
      assert.match(
        shown,
        /^beginx+\n\[\.\.\. \d+ characters are left out here \.\.\.\]\nx+end\n\[This result has 400008 characters/
      )
      const blobs = yield* Blobs
      assert.deepStrictEqual(yield* blobs.get(`${session.id}/${result!.id}`), Option.some(whole))
      assert.deepInclude((yield* requests)[1]!.messages.at(-1), { role: "tool", text: shown })
    }).pipe(Effect.provide(loop([call("echo", { text: "" }), say("done")], [large])))
  })
})

describe("processes that die at the same place", () => {
  it.effect("are not followed by another one for ever: the turn ends with an error that says so", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      const agent = yield* AgentLoop
      yield* storage.putRecord(session)
      const at = { processed_at: "2026-11-22T16:42:00.000Z" }
      yield* storage.append([
        { ...at, type: "user.message", id: EventId.make("sevt_1"), content: [{ type: "text", text: "go" }] },
        { ...at, type: "session.status_running", id: EventId.make("sevt_2") }
      ])
      for (let times = 0; times < 4; times++) yield* storage.takeOver
      yield* agent.run
      assert.strictEqual(yield* stopReason, "retries_exhausted")
      assert.include((yield* ofType("session.error"))[0]!.error.message, "died 5 times")
      yield* agent.send([message("again")])
      yield* agent.run
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(agentLoop({ id: session.id, model: scripted([say("hello")]), tools: [echo] })))
  )
})
