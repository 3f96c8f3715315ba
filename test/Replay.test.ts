import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { call, hang, layer as scripted, say, type Turn } from "../layers/model/Scripted.ts"
import { replay } from "../layers/replay.ts"
import { agentLoop } from "../layers/test.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { Storage } from "../src/Storage.ts"
import type { Tool } from "../src/tools/defineTool.ts"
import * as Export from "../src/trace/Export.ts"
import { exportSession } from "../src/trace/exportSession.ts"
import { contract } from "./Replay.contract.ts"
import { converse, echo, events, message, session } from "./support/agentLoop.ts"
import { contractInNode } from "./support/inNode.ts"
import { exported } from "./support/replayed.ts"

/** A session that says `go` to this model, as its file. */
const record = (turns: ReadonlyArray<Turn>, tools: ReadonlyArray<Tool> = [echo]) =>
  Effect.andThen(converse("go"), exported).pipe(
    Effect.provide(agentLoop({ id: session.id, model: scripted(turns), tools }))
  )

const twoSteps = [[...say("let me"), ...call("echo", { text: "hi" })], say("done")]

contractInNode("a replay in Node", contract, Layer.empty)

describe("an export", () => {
  it.effect("is JSON with each event on a line of its own, and holds what the loop was told", () =>
    Effect.gen(function* () {
      const file = yield* record(twoSteps)
      const lines = file.trimEnd().split("\n")
      const { entries, session: recorded, type, version } = yield* Export.parse(file)
      assert.deepStrictEqual([type, version, recorded], ["session_export", 1, session])
      assert.lengthOf(lines, entries.length + 2)
      assert.deepInclude(JSON.parse(lines[1]!.replace(/,$/, "")), { seq: 1 })
      const [first, second] = entries.flatMap(({ event, request }) =>
        event.type === "span.model_request_start" ? [{ event, request }] : []
      )
      assert.deepStrictEqual(first!.event.setup, {
        tools: [{ name: "echo", description: "Says it again", input_schema: echo.inputSchema, replay_safe: false }],
        max_steps: 100,
        max_reschedules: 3,
        context_window: 131_072
      })
      assert.isUndefined(second!.event.setup, "it is noted where it changes")
      assert.match(first!.event.request_hash!, /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/)
      assert.deepStrictEqual(
        [first, second].map((start) => [start!.request!.from, start!.request!.messages.length]),
        [
          [0, 1],
          [1, 2]
        ]
      )
      assert.include(first!.request!.system, "Count words.")
    })
  )

  it.effect("holds a result whole of which the log shows the two ends", () => {
    const whole = `begin${"x".repeat(400_000)}end`
    return Effect.gen(function* () {
      const file = yield* record(
        [call("echo", { text: "" }), say("done")],
        [{ ...echo, run: () => Effect.succeed(whole) }]
      )
      const { entries } = yield* Export.parse(file)
      assert.deepStrictEqual(
        entries.flatMap(({ text }) => (text === undefined ? [] : [text])),
        [whole]
      )
      assert.strictEqual(yield* replay(yield* Export.parse(file)), entries.length)
    })
  })

  it.effect("is read from the log while it is taken, not before", () => {
    let read = 0
    return Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* agent.putRecord(session)
      for (let times = 0; times < 4; times++) {
        yield* agent.send(Array.from({ length: 500 }, () => ({ type: "user.interrupt" as const })))
      }
      const storage = yield* Storage
      const counting = Storage.of({
        ...storage,
        log: (after, limit) =>
          Effect.tap(storage.log(after, limit), (found) => Effect.sync(() => (read += found.length)))
      })
      const text = yield* Effect.provideService(exportSession(session, 2_000), Storage, counting)
      const taken = yield* text.pipe(Stream.take(20), Stream.runCollect, Effect.provideService(Storage, counting))
      assert.lengthOf(taken, 20)
      assert.isAtMost(read, 100)
    }).pipe(Effect.provide(agentLoop({ id: session.id, model: scripted([]) })))
  })

  it.effect("that cannot be read says why", () =>
    Effect.gen(function* () {
      const file = yield* record([say("hello")])
      const refused = (text: string) => Effect.map(Effect.flip(Export.parse(text)), ({ message }) => message)
      assert.include(yield* refused(file.slice(0, -10)), "was it cut off?")
      assert.include(yield* refused(file.replace('"version":1', '"version":2')), "this code reads version 1")
      assert.include(yield* refused(file.replace('"session_export"', '"something"')), "type: ")
      assert.include(yield* refused(file.replace(/\n\{"seq":2,.*/, "")), "entries[1].seq: expected 2")
      assert.include(yield* refused(file.replace('"agent.message"', '"agent.massage"')), "entries[4].event")
    })
  )
})

describe("a replay", () => {
  it.effect("of a session with nothing outside logs the same events", () =>
    Effect.gen(function* () {
      const recorded = yield* Export.parse(yield* record(twoSteps))
      assert.strictEqual(yield* replay(recorded), 12)
    })
  )

  it.effect("of a session that is still at work goes as far as its export", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* agent.putRecord(session)
      yield* agent.send([message("go")])
      const turn = yield* Effect.forkChild(agent.run)
      while ((yield* events).length < 4) yield* Effect.yieldNow
      const recorded = yield* Export.parse(yield* exported)
      assert.strictEqual(yield* replay(recorded), 4)
      turn.interruptUnsafe()
    }).pipe(Effect.provide(agentLoop({ id: session.id, model: scripted([hang]) })))
  )

  it.effect("names the first event that the loop would not log", () =>
    Effect.gen(function* () {
      const recorded = yield* Export.parse(yield* record(twoSteps))
      const changed = (type: string, change: (event: object) => object) => ({
        ...recorded,
        entries: recorded.entries.map((entry) => ({
          ...entry,
          event: (entry.event.type === type ? change(entry.event) : entry.event) as typeof entry.event
        }))
      })
      const stopped = yield* Effect.flip(
        replay(changed("session.status_idle", (event) => ({ ...event, stop_reason: { type: "retries_exhausted" } })))
      )
      assert.deepInclude(stopped, { seq: 12, step: 2, reason: "event", recorded: "session.status_idle" })
      assert.deepStrictEqual(stopped.differences, [
        { path: "stop_reason.type", recorded: '"retries_exhausted"', replayed: '"end_turn"' }
      ])
      const input = yield* Effect.flip(
        replay(changed("agent.tool_use", (event) => ({ ...event, written: '{"text": "ho"}' })))
      )
      assert.deepInclude(input, { seq: 6, step: 1, reason: "tool_input" })
      assert.include(input.message, "a tool is called with another input")
      assert.deepStrictEqual(input.differences[0], { path: "input.text", recorded: '"hi"', replayed: '"ho"' })
    })
  )

  it.effect("names an event that never comes, and one that is too many", () =>
    Effect.gen(function* () {
      const recorded = yield* Export.parse(yield* record(twoSteps))
      const last = recorded.entries.at(-1)!
      const longer = [
        ...recorded.entries,
        { seq: 13, event: { ...last.event, processed_at: "2026-11-22T16:42:00.000Z" } }
      ]
      const missing = yield* Effect.flip(replay({ ...recorded, entries: longer as typeof recorded.entries }))
      assert.deepInclude(missing, { seq: 13, reason: "missing", recorded: "session.status_idle", replayed: "rests" })
      const error = {
        ...last.event,
        type: "session.error",
        error: { type: "unknown_error", message: "x", retry_status: { type: "terminal" } }
      }
      const other = [...recorded.entries.slice(0, 7), { seq: 8, event: error }]
      const waits = yield* Effect.flip(replay({ ...recorded, entries: other as typeof recorded.entries }))
      assert.deepInclude(waits, { seq: 8, reason: "missing", replayed: "waits for the tool echo" })
    })
  )
})
