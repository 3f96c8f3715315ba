import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { call, say, Script, type Step } from "../layers/model/Scripted.ts"
import type { Budget } from "../src/domain/Budget.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { noUsage } from "../src/loop/Spent.ts"
import { converse, echo, loop, message, ofType, results, session, stopReason } from "./support/agentLoop.ts"

const again = call("echo", { text: "again" })
const limited = (limits: Omit<Budget, "type">) => ({ budget: { type: "limit", ...limits } as const })
const lastStop = Effect.map(ofType("session.status_idle"), (all) => all.at(-1)!.stop_reason)
const asked = Effect.flatMap(Script, ({ requests }) => Effect.map(requests, ({ length }) => length))

/** Raises the budget, or removes it, and goes on. */
const grant = (budget: Budget | null) =>
  Effect.gen(function* () {
    const agent = yield* AgentLoop
    const { record } = yield* agent.snapshot
    yield* agent.putRecord({ ...record, budget })
    yield* agent.noteChange({ budget, previous_budget: record.budget })
    yield* agent.run
  })

describe("a budget", () => {
  it.effect("of steps pauses the turn before anything else is done, and a grant resumes it where it was", () =>
    Effect.gen(function* () {
      yield* converse("go", limited({ max_steps: 2 }))
      assert.deepStrictEqual(yield* lastStop, { type: "budget_reached", limit: "max_steps" })
      assert.lengthOf(yield* results, 1)
      yield* grant({ type: "limit", max_steps: 4 })
      assert.strictEqual(yield* stopReason, "end_turn")
      assert.strictEqual(yield* asked, 3)
    }).pipe(Effect.provide(loop([again, again, say("done")])))
  )

  it.effect("of tool calls runs as many as are left, never more, and lets the model answer without", () =>
    Effect.gen(function* () {
      yield* converse("go", limited({ max_tool_calls: 3 }))
      assert.deepStrictEqual(yield* lastStop, { type: "budget_reached", limit: "max_tool_calls" })
      assert.lengthOf(yield* results, 3)
      yield* grant({ type: "limit", max_tool_calls: 4 })
      assert.lengthOf(yield* results, 4)
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([[...again, ...again], [...again, ...again], say("done")])))
  )

  it.effect("of tokens counts those that were cached as well", () =>
    Effect.gen(function* () {
      yield* converse("go", limited({ max_tokens: 100 }))
      assert.deepStrictEqual(yield* lastStop, { type: "budget_reached", limit: "max_tokens" })
      assert.strictEqual(yield* asked, 2)
    }).pipe(Effect.provide(loop([spends(40), spends(70)])))
  )

  it.effect("of list cost counts at the price of the model, which the log keeps", () =>
    Effect.gen(function* () {
      const agent = { ...session.agent, model: { id: "@cf/openai/gpt-oss-120b" } }
      yield* converse("go", { agent, ...limited({ max_list_cost: { amount: "50", currency: "USD" } }) })
      assert.deepStrictEqual(yield* lastStop, { type: "budget_reached", limit: "max_list_cost" })
      const costs = (yield* ofType("span.model_request_end")).map(({ list_cost_usd }) => list_cost_usd)
      assert.deepStrictEqual(costs, [0.35, 0.35])
    }).pipe(Effect.provide(loop([spends(0, 1_000_000), spends(0, 1_000_000)])))
  )

  it.effect("of active time does not count the time in which the session waits for a client", () =>
    Effect.gen(function* () {
      const ask = { type: "always_ask" } as const
      const asking = {
        ...session.agent,
        tools: [{ ...session.agent.tools[0]!, default_config: { enabled: true, permission_policy: ask } }]
      }
      yield* converse("go", { agent: asking as typeof session.agent, ...limited({ max_active_seconds: 60 }) })
      yield* TestClock.adjust("10 minutes")
      const agent = yield* AgentLoop
      const [use] = yield* ofType("agent.tool_use")
      yield* agent.send([{ type: "user.tool_confirmation", tool_use_id: use!.id, result: "allow" }])
      yield* agent.run
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([again, say("done")])))
  )

  it.effect("of active time pauses a turn that takes longer", () => {
    const slow = { ...echo, run: () => Effect.as(TestClock.adjust("2 minutes"), "slow") }
    return Effect.gen(function* () {
      yield* converse("go", limited({ max_active_seconds: 60 }))
      assert.deepStrictEqual(yield* lastStop, { type: "budget_reached", limit: "max_active_seconds" })
      assert.strictEqual((yield* Effect.flatMap(AgentLoop, ({ snapshot }) => snapshot)).state.spent.active, 120_000)
    }).pipe(Effect.provide(loop([again, say("done")], [slow])))
  })

  it.effect("that is reached keeps messages for later, and an interrupt ends the turn that it paused", () =>
    Effect.gen(function* () {
      yield* converse("go", limited({ max_tool_calls: 1 }))
      const agent = yield* AgentLoop
      yield* agent.send([message("and now?")])
      yield* agent.run
      assert.lengthOf((yield* agent.snapshot).state.queue, 1)
      yield* agent.send([{ type: "user.interrupt" }])
      yield* agent.run
      const { state } = yield* agent.snapshot
      assert.deepStrictEqual([state.status, state.stopReason?.type, state.calls], ["idle", "end_turn", []])
      assert.deepStrictEqual((yield* results).at(-1), { text: "interrupted by the user", is_error: true })
      assert.strictEqual(state.spent.toolCalls, 1, "what never ran is not counted")
    }).pipe(Effect.provide(loop([[...again, ...again], say("here")])))
  )
})

/** A call, and so many tokens written and read. */
const spends = (output_tokens: number, input_tokens = 10): ReadonlyArray<Step> => [
  ...again,
  { type: "finish", usage: { ...noUsage, input_tokens, output_tokens }, truncated: false }
]
