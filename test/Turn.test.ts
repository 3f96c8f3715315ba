import { assert, describe, it } from "@effect/vitest"
import type { SessionEvent } from "../src/domain/Event.ts"
import { EventId } from "../src/domain/Ids.ts"
import { fold } from "../src/loop/fold.ts"
import { noUsage } from "../src/loop/Spent.ts"
import { initial, type State } from "../src/loop/State.ts"
import { refuse } from "../src/loop/refuse.ts"
import { inDoubt, type Limits, next } from "../src/loop/Turn.ts"

const limits: Limits = {
  maxSteps: 20,
  maxReschedules: 3,
  budget: null,
  isStructured: false,
  savesWorkspace: false,
  models: ["m", "spare"],
  contextWindow: 1_000,
  now: 0
}
let counter = 0
const id = () => EventId.make(`sevt_${++counter}`)
const at = "2026-01-01T00:00:00.000Z"
const text = (value: string) => [{ type: "text" as const, text: value }]
const run = (state: State, ...events: ReadonlyArray<SessionEvent>) => events.reduce(fold, state)

const message = (
  value: string,
  processed_at: string | null = null
): SessionEvent & { readonly type: "user.message" } => ({
  id: id(),
  type: "user.message",
  processed_at,
  content: [{ type: "text", text: value }]
})
const running = (): SessionEvent => ({ id: id(), type: "session.status_running", processed_at: at })
const idle = (stop_reason: Extract<SessionEvent, { type: "session.status_idle" }>["stop_reason"]): SessionEvent => ({
  id: id(),
  type: "session.status_idle",
  processed_at: at,
  stop_reason,
  stop_details: null
})
const toolUse = (name: string, evaluated_permission: "allow" | "ask" | "deny" = "allow") =>
  ({ id: id(), type: "agent.tool_use", processed_at: at, name, input: {}, evaluated_permission }) as const
const customToolUse = (name: string) =>
  ({ id: id(), type: "agent.custom_tool_use", processed_at: at, name, input: {} }) as const
const result = (tool_use_id: EventId, value: string, isRejected = false): SessionEvent => ({
  id: id(),
  type: "agent.tool_result",
  processed_at: at,
  tool_use_id,
  content: text(value),
  is_error: false,
  ...(isRejected ? { rejected: true } : {})
})
const said = (value: string): SessionEvent => ({
  id: id(),
  type: "agent.message",
  processed_at: at,
  content: text(value)
})
const requestStart = (): SessionEvent => ({ id: id(), type: "span.model_request_start", processed_at: at, model: "m" })
const requestEnd = (is_error = false): SessionEvent => ({
  id: id(),
  type: "span.model_request_end",
  processed_at: at,
  model_request_start_id: EventId.make("sevt_start"),
  is_error,
  model_usage: noUsage
})

/** A session whose turn has begun: the model is to be asked. */
const begun = () => {
  const go = message("go")
  return run(initial, go, running(), { ...go, processed_at: at })
}

describe("Turn", () => {
  it("takes in what was queued, asks the model, and rests at an answer without calls", () => {
    const queued = run(initial, message("hello"))
    assert.strictEqual(next(queued, limits).type, "takeIn")
    assert.strictEqual(next(begun(), limits).type, "callModel")
    const answered = run(begun(), requestStart(), said("hi"), requestEnd())
    assert.deepStrictEqual(next(answered, limits), { type: "stop", stopReason: { type: "end_turn" } })
    assert.strictEqual(next(run(answered, idle({ type: "end_turn" })), limits).type, "rest")
  })

  it("shows results in the order of the calls, whatever order they came in", () => {
    const [a, b, c] = [toolUse("a"), toolUse("b"), toolUse("c")]
    const called = run(begun(), requestStart(), a, b, c, requestEnd())
    const two = run(called, result(c.id, "3"), result(a.id, "1"))
    const action = next(two, limits)
    assert(action.type === "runTools")
    assert.deepStrictEqual(
      action.calls.map(({ name }) => name),
      ["b"]
    )
    const all = run(two, result(b.id, "2"))
    assert.deepStrictEqual(
      all.messages.filter(({ role }) => role === "tool").map((tool) => "text" in tool && tool.text),
      ["1", "2", "3"]
    )
    assert.strictEqual(next(all, limits).type, "callModel")
  })

  it("runs what it may and then waits for the client's part", () => {
    const [ask, own, custom] = [toolUse("ask", "ask"), toolUse("own"), customToolUse("custom")]
    const called = run(begun(), requestStart(), ask, own, custom, requestEnd())
    const first = next(called, limits)
    assert(first.type === "runTools")
    assert.deepStrictEqual(
      first.calls.map(({ name }) => name),
      ["own"]
    )
    const waiting = run(called, result(own.id, "ok"))
    assert.deepStrictEqual(next(waiting, limits), {
      type: "stop",
      stopReason: { type: "requires_action", event_ids: [ask.id, custom.id] }
    })

    const asked = run(waiting, idle({ type: "requires_action", event_ids: [ask.id, custom.id] }))
    assert.strictEqual(next(asked, limits).type, "rest")
    const partly = run(asked, {
      id: id(),
      type: "user.custom_tool_result",
      processed_at: at,
      custom_tool_use_id: custom.id
    })
    assert.deepStrictEqual(next(partly, limits), {
      type: "stop",
      stopReason: { type: "requires_action", event_ids: [ask.id] }
    })
    const allowed = run(partly, {
      id: id(),
      type: "user.tool_confirmation",
      processed_at: at,
      tool_use_id: ask.id,
      result: "allow"
    })
    assert.strictEqual(next(allowed, limits).type, "resume")
    const resumed = next(run(allowed, running()), limits)
    assert(resumed.type === "runTools")
    assert.deepStrictEqual(
      resumed.calls.map(({ name }) => name),
      ["ask"]
    )
  })

  it("answers a denied call with the person's words", () => {
    const ask = toolUse("rm", "ask")
    const denied = run(
      begun(),
      requestStart(),
      ask,
      requestEnd(),
      idle({ type: "requires_action", event_ids: [ask.id] }),
      {
        id: id(),
        type: "user.tool_confirmation",
        processed_at: at,
        tool_use_id: ask.id,
        result: "deny",
        deny_message: "not on a Friday"
      }
    )
    const action = next(run(denied, running()), limits)
    assert(action.type === "settle")
    assert.include(action.text(action.calls[0]!), "not on a Friday")
  })

  it("ends the turn at an interrupt, with every open call and request closed first", () => {
    const call = toolUse("slow")
    const interrupt: SessionEvent = { id: id(), type: "user.interrupt", processed_at: at }
    const asking = run(begun(), requestStart(), interrupt)
    assert.strictEqual(next(asking, limits).type, "closeRequest")
    const calling = run(begun(), requestStart(), call, requestEnd(), interrupt)
    assert.strictEqual(next(calling, limits).type, "settle")
    assert.deepStrictEqual(next(run(calling, result(call.id, "interrupted")), limits), {
      type: "stop",
      stopReason: { type: "end_turn" }
    })
  })

  it("joins messages that came during the turn at its boundary, in order", () => {
    const late = run(begun(), requestStart(), message("one"), message("two"), said("hi"), requestEnd())
    const action = next(late, limits)
    assert(action.type === "takeIn")
    assert.deepStrictEqual(
      action.messages.map(({ text }) => text),
      ["one", "two"]
    )
  })

  it("stops a turn that reaches its limit of steps", () => {
    let state = begun()
    for (let step = 0; step < limits.maxSteps; step++) {
      const call = toolUse("again")
      state = run(state, requestStart(), call, requestEnd(), result(call.id, "more"))
    }
    assert.deepStrictEqual(next(state, limits), {
      type: "stop",
      stopReason: { type: "retries_exhausted" },
      limit: "steps"
    })
  })

  it("stops a turn of which eight answers in a row had no call that could be run, also after a crash in between", () => {
    const log: Array<SessionEvent> = []
    const answer = (...rejected: ReadonlyArray<boolean>) => {
      const calls = rejected.map(() => toolUse("t"))
      const results = calls.map(({ id }, index) => result(id, "", rejected[index]))
      log.push(requestStart(), ...calls, requestEnd(), ...results)
      return next(run(begun(), ...log), { ...limits, maxSteps: 100 })
    }
    const rejectSeven = () => {
      for (let count = 0; count < 7; count++) assert.strictEqual(answer(true, true).type, "callModel")
    }
    rejectSeven()
    assert.strictEqual(answer(true, false).type, "callModel")
    rejectSeven()
    const more = message("more")
    log.push(requestStart(), more, said("what?"), requestEnd(), { ...more, processed_at: at })
    rejectSeven()
    assert.deepStrictEqual(answer(true), {
      type: "stop",
      stopReason: { type: "retries_exhausted" },
      limit: "rejections"
    })
    const again = message("again")
    const retried = run(begun(), ...log, idle({ type: "retries_exhausted" }), again, running(), {
      ...again,
      processed_at: at
    })
    assert.strictEqual(next(retried, limits).type, "callModel")
  })

  it("takes only calls that may have been running for doubtful", () => {
    const [ask, own, done, custom] = [toolUse("ask", "ask"), toolUse("own"), toolUse("done"), customToolUse("custom")]
    const state = run(begun(), requestStart(), ask, own, done, custom, requestEnd(), result(done.id, "ok"))
    assert.deepStrictEqual(
      inDoubt(state).map(({ name }) => name),
      ["own"]
    )
  })

  it("refuses confirmations and results that nothing waits for", () => {
    const unknown = EventId.make("sevt_unknown")
    assert.isNotNull(refuse(begun(), { type: "user.tool_confirmation", tool_use_id: unknown, result: "allow" }))
    assert.isNotNull(refuse(begun(), { type: "user.custom_tool_result", custom_tool_use_id: unknown }))
    assert.isNull(refuse(begun(), { type: "user.interrupt" }))
  })
})
