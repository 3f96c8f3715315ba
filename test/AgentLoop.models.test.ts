import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { call, fail, say, Script } from "../layers/model/Scripted.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { InvalidRequest, Overloaded, QuotaExceeded } from "../src/ModelClient.ts"
import { converse, loop, message, ofType, session, stopReason, types } from "./support/agentLoop.ts"

/** Models that fail: the next one in the agent's list, then a longer wait, then the end of the turn. */

const busy = fail(new Overloaded({ detail: "no capacity" }))
const fiveTimes = Array.from({ length: 5 }, () => busy)
const withSpare = {
  agent: { ...session.agent, model: { id: "local/main", fallbacks: ["local/spare"] } }
}
const requested = Effect.flatMap(Script, ({ requests }) => Effect.map(requests, (all) => all.map(({ model }) => model)))

/** Lets the clock pass as fast as it is waited for. */
const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    // Longer than ten attempts take, and shorter than the wait of a session that is rescheduled.
    yield* TestClock.adjust("25 seconds")
    return yield* Fiber.join(fiber)
  })

describe("a model that fails for good", () => {
  it.effect("is followed by the next of the agent's list, which then answers the rest of the turn", () =>
    Effect.gen(function* () {
      yield* converse("go", withSpare)
      assert.deepStrictEqual(yield* requested, ["local/main", "local/spare", "local/spare"])
      const [error, ...others] = yield* ofType("session.error")
      assert.deepInclude(error!.error, {
        type: "billing_error",
        model: "local/main",
        reason: "QuotaExceeded",
        retry_status: { type: "retrying" }
      })
      assert.lengthOf(others, 0)
      assert.deepStrictEqual(
        (yield* ofType("span.model_request_start")).map(({ model }) => model),
        ["local/main", "local/spare", "local/spare"]
      )
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(
      Effect.provide(loop([fail(new QuotaExceeded({ detail: "3036" })), call("echo", { text: "a" }), say("done")]))
    )
  )

  it.effect("is asked first again in the next turn, but where its quota is used up: then after midnight", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      const again = Effect.andThen(agent.send([message("again")]), agent.run)
      yield* converse("go", withSpare)
      yield* again
      yield* again
      yield* TestClock.adjust("1 day")
      yield* again
      assert.deepStrictEqual(yield* requested, [
        "local/main",
        "local/spare",
        "local/main",
        "local/spare",
        "local/spare",
        "local/main"
      ])
    }).pipe(
      Effect.provide(
        loop([
          fail(new InvalidRequest({ detail: "not this one" })),
          say("spare"),
          fail(new QuotaExceeded({ detail: "3036" })),
          say("spare"),
          say("spare"),
          say("main")
        ])
      )
    )
  )

  it.effect("is asked all the same where its quota is used up and there is no other", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* converse("go")
      assert.strictEqual(yield* stopReason, "retries_exhausted")
      yield* agent.send([message("again")])
      yield* agent.run
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([fail(new QuotaExceeded({ detail: "3036" })), say("at last")])))
  )

  it.effect("ends the turn where no other is left", () =>
    Effect.gen(function* () {
      yield* converse("go", withSpare)
      assert.strictEqual(yield* stopReason, "retries_exhausted")
      assert.deepStrictEqual(
        (yield* ofType("session.error")).map(({ error }) => error.retry_status.type),
        ["retrying", "exhausted"]
      )
    }).pipe(
      Effect.provide(loop([fail(new InvalidRequest({ detail: "a" })), fail(new InvalidRequest({ detail: "b" }))]))
    )
  )
})

describe("models that are busy", () => {
  it.effect("are asked five times each, and then the session is rescheduled", () =>
    Effect.gen(function* () {
      yield* patiently(converse("go", withSpare))
      const asked = yield* requested
      assert.deepStrictEqual(
        asked.slice(0, 5),
        Array.from({ length: 5 }, () => "local/main")
      )
      assert.deepStrictEqual(
        asked.slice(5),
        Array.from({ length: 5 }, () => "local/spare")
      )
      assert.strictEqual((yield* types).at(-1), "session.status_rescheduled")
      assert.isTrue((yield* ofType("session.error")).every(({ error }) => error.retry_status.type === "retrying"))
      const agent = yield* AgentLoop
      assert.strictEqual((yield* agent.snapshot).state.status, "rescheduling")
      const next = yield* agent.next
      assert(next.type === "wait")
      yield* agent.run
      assert.lengthOf(yield* requested, 10, "nothing is asked before it is time")
      yield* TestClock.setTime(next.until)
      yield* agent.run
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([...fiveTimes, ...fiveTimes, say("at last")])))
  )

  it.effect("are asked at once where somebody writes meanwhile", () =>
    Effect.gen(function* () {
      yield* patiently(converse("go"))
      const agent = yield* AgentLoop
      yield* agent.send([message("hurry")])
      yield* agent.run
      assert.strictEqual(yield* stopReason, "end_turn")
      const { messages } = (yield* agent.snapshot).state
      assert.deepStrictEqual(
        messages.map((shown) => shown.role !== "tool" && shown.text),
        ["go", "first", "hurry", "second"]
      )
    }).pipe(Effect.provide(loop([...fiveTimes, say("first"), say("second")])))
  )

  it.effect(
    "are waited for although a message is queued behind the turn, and asked at once when another one comes",
    () =>
      Effect.gen(function* () {
        const agent = yield* AgentLoop
        yield* agent.putRecord(session)
        yield* agent.send([message("go")])
        const turn = yield* Effect.forkChild(agent.run)
        yield* TestClock.adjust("1 second")
        yield* agent.send([message("and then?")])
        yield* TestClock.adjust("24 seconds")
        yield* Fiber.join(turn)
        assert.strictEqual((yield* agent.next).type, "wait")
        yield* agent.run
        assert.lengthOf(yield* requested, 5)
        yield* agent.send([message("hurry")])
        yield* agent.run
        assert.strictEqual(yield* stopReason, "end_turn")
        assert.lengthOf(yield* ofType("session.status_rescheduled"), 1)
      }).pipe(Effect.provide(loop([...fiveTimes, say("first"), say("second")])))
  )

  it.effect("are given up after three times, and an interrupt gives them up before", () =>
    Effect.gen(function* () {
      yield* patiently(converse("go"))
      const agent = yield* AgentLoop
      for (let times = 1; times <= 2; times++) {
        yield* TestClock.adjust("10 minutes")
        yield* patiently(agent.run)
        assert.lengthOf(yield* ofType("session.status_rescheduled"), times + 1)
      }
      yield* agent.send([{ type: "user.interrupt" }])
      yield* agent.run
      assert.strictEqual(yield* stopReason, "end_turn")
      yield* agent.send([message("again")])
      yield* patiently(agent.run)
      for (let times = 1; times <= 3; times++) {
        yield* TestClock.adjust("10 minutes")
        yield* patiently(agent.run)
      }
      assert.strictEqual(yield* stopReason, "retries_exhausted")
      assert.strictEqual((yield* ofType("session.error")).at(-1)!.error.retry_status.type, "exhausted")
      assert.lengthOf(yield* ofType("session.status_rescheduled"), 6)
    }).pipe(Effect.provide(loop(Array.from({ length: 7 }, () => fiveTimes).flat())))
  )
})
