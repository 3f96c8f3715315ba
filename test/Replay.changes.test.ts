import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"
import { call, layer as scripted, say } from "../layers/model/Scripted.ts"
import { replay } from "../layers/replay.ts"
import { agentLoop } from "../layers/test.ts"
import type * as Arguments from "../src/model/Arguments.ts"
import type * as Calls from "../src/loop/Calls.ts"
import type * as Prompt from "../src/loop/Prompt.ts"
import type * as Turn from "../src/loop/Turn.ts"
import * as Export from "../src/trace/Export.ts"
import { converse, echo, session } from "./support/agentLoop.ts"
import { exported } from "./support/replayed.ts"

/** Deliberate changes of the loop, each made after a session was recorded, and what a replay of it says. */

const change = vi.hoisted(() => ({ now: "none" }))

vi.mock("../src/loop/Prompt.ts", async (original) => {
  const prompt = await original<typeof Prompt>()
  return {
    ...prompt,
    request: (...[record, tools, state]: Parameters<typeof Prompt.request>) => {
      const request = prompt.request(record, tools, state)
      return change.now === "prompt" ? { ...request, system: request.system.replace("Count", "Weigh") } : request
    }
  } satisfies typeof Prompt
})

vi.mock("../src/loop/Calls.ts", async (original) => {
  const calls = await original<typeof Calls>()
  return {
    ...calls,
    answer: (state, id, result) =>
      calls.answer(state, id, change.now === "results" ? { ...result, text: `${result.text}!` } : result)
  } satisfies typeof Calls
})

vi.mock("../src/model/Arguments.ts", async (original) => {
  const { parse } = await original<typeof Arguments>()
  return {
    parse: (text, schema, options) => parse(change.now === "arguments" ? text.toUpperCase() : text, schema, options)
  } satisfies typeof Arguments
})

vi.mock("../src/loop/Turn.ts", async (original) => {
  const turn = await original<typeof Turn>()
  return {
    ...turn,
    next: (state, limits) => {
      const action = turn.next(state, limits)
      if (change.now === "stops" && state.steps === 1) return { type: "stop", stopReason: { type: "end_turn" } }
      return change.now === "rests" && action.type === "stop" ? { type: "rest" } : action
    }
  } satisfies typeof Turn
})

const differs = (name: string) =>
  Effect.gen(function* () {
    change.now = "none"
    const file = yield* Effect.andThen(converse("go"), exported).pipe(
      Effect.provide(
        agentLoop({
          id: session.id,
          model: scripted([[...say("let me"), ...call("echo", { text: "hi" })], say("done")]),
          tools: [echo]
        })
      )
    )
    const recorded = yield* Export.parse(file)
    assert.strictEqual(yield* replay(recorded), 12)
    change.now = name
    return yield* Effect.flip(replay(recorded))
  })

it.effect("another system prompt is shown in the first request", () =>
  Effect.gen(function* () {
    const { differences, message, reason, seq, step } = yield* differs("prompt")
    assert.deepStrictEqual([reason, step, seq], ["prompt", 1, 4])
    assert.lengthOf(differences, 1)
    assert.match(differences[0]!.recorded!, /^"Count words\./)
    assert.match(differences[0]!.replayed!, /^"Weigh words\./)
    assert.match(message, /^sesn_1 diverges at step 1, event 4: the model is asked something else\n {2}system\n/)
  })
)

it.effect("another text of a result is shown in the request that it first stands in", () =>
  Effect.gen(function* () {
    const { differences, reason, seq, step } = yield* differs("results")
    assert.deepStrictEqual([reason, step, seq], ["prompt", 2, 9])
    assert.deepStrictEqual(differences, [{ path: "messages.2.text", recorded: '"echo hi"', replayed: '"echo hi!"' }])
  })
)

it.effect("another reading of arguments is shown as another input of a tool", () =>
  Effect.gen(function* () {
    const { differences, reason, seq, step } = yield* differs("arguments")
    assert.deepStrictEqual([reason, step, seq], ["tool_input", 1, 6])
    assert.deepInclude(differences, { path: "input.text", recorded: '"hi"', replayed: null })
  })
)

it.effect("a turn that stops early is named with what it leaves out", () =>
  Effect.gen(function* () {
    const { recorded, replayed, reason, seq, step } = yield* differs("stops")
    assert.deepStrictEqual([reason, step, seq], ["event", 1, 8])
    assert.deepStrictEqual([recorded, replayed], ["agent.tool_result", "session.status_idle"])
  })
)

it.effect("a turn that does not end is named with its end", () =>
  Effect.gen(function* () {
    const { message, reason, seq } = yield* differs("rests")
    assert.deepStrictEqual([reason, seq], ["missing", 12])
    assert.include(message, "session.status_idle was not logged: the loop rests")
  })
)
