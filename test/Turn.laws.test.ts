import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import type { SessionEvent } from "../src/domain/Event.ts"
import { EventId } from "../src/domain/Ids.ts"
import { fold, initial, noUsage, type State } from "../src/loop/State.ts"
import { inDoubt, next, refuse } from "../src/loop/Turn.ts"

const limits = { maxSteps: 6 }
const at = "2026-01-01T00:00:00.000Z"
const text = (value: string) => [{ type: "text" as const, text: value }]

/** A session in miniature: a log, and choices of what a model answers, what a client sends, and when the process dies. */
class Session {
  readonly log: Array<SessionEvent> = []
  readonly sent: Array<string> = []
  state: State = initial
  private count = 0

  id() {
    return EventId.make(`sevt_${++this.count}`)
  }

  append(...events: ReadonlyArray<SessionEvent>) {
    for (const event of events) {
      this.log.push(event)
      this.state = fold(this.state, event)
    }
  }

  /** What `Actions` does, with the choice in place of a model and of tools. */
  act(choice: number): boolean {
    const action = next(this.state, limits)
    const stamp = () => ({ id: this.id(), processed_at: at })
    switch (action.type) {
      case "rest":
        return false
      case "takeIn":
        if (this.state.status !== "running") this.append({ ...stamp(), type: "session.status_running" })
        this.append(
          ...action.messages.map((message): SessionEvent => ({
            id: message.id,
            processed_at: at,
            type: "user.message",
            content: [{ type: "text", text: message.text }]
          }))
        )
        return true
      case "resume":
        this.append({ ...stamp(), type: "session.status_running" })
        return true
      case "callModel": {
        const start = { ...stamp(), type: "span.model_request_start" as const, model: "m" }
        this.append(start)
        if (choice % 7 === 0) return true // The process dies while it waits, or an interrupt comes.
        const calls = Array.from({ length: choice % 4 }, (_, index): SessionEvent => {
          const use = { ...stamp(), name: `tool${index}`, input: {} }
          return (choice + index) % 3 === 0
            ? { ...use, type: "agent.custom_tool_use" }
            : {
                ...use,
                type: "agent.tool_use",
                evaluated_permission: (["allow", "ask", "deny"] as const)[(choice + index) % 3]!
              }
        })
        const end = { model_request_start_id: start.id, is_error: false, model_usage: noUsage }
        this.append({ ...stamp(), type: "agent.message", content: text("hm") }, ...calls, {
          ...stamp(),
          type: "span.model_request_end",
          ...end
        })
        return true
      }
      case "runTools": {
        const some = choice % 2 === 0 ? action.calls.toReversed() : action.calls.slice(0, 1)
        this.append(...some.map(({ id }) => this.result(id)))
        return true
      }
      case "settle":
        this.append(...action.calls.map(({ id }) => this.result(id)))
        return true
      case "closeRequest":
        this.closeRequest(action.id)
        return true
      case "stop":
        this.append({ ...stamp(), type: "session.status_idle", stop_reason: action.stopReason, stop_details: null })
        return true
    }
  }

  private result(tool_use_id: EventId): SessionEvent {
    return {
      id: this.id(),
      processed_at: at,
      type: "agent.tool_result",
      tool_use_id,
      content: text("r"),
      is_error: false
    }
  }

  private closeRequest(model_request_start_id: EventId) {
    const failed = { model_request_start_id, is_error: true, model_usage: noUsage }
    this.append({ id: this.id(), processed_at: at, type: "span.model_request_end", ...failed })
  }

  /** The process dies: the state is read from the log, and what it left open is settled. */
  crash() {
    this.state = this.log.reduce(fold, initial)
    if (this.state.request !== null) this.closeRequest(this.state.request)
    this.append(...inDoubt(this.state).map(({ id }) => this.result(id)))
  }

  send(choice: number) {
    const stamp = () => ({ id: this.id(), processed_at: at })
    const calls = this.state.calls
    const call = calls[choice % Math.max(calls.length, 1)]
    const events: ReadonlyArray<SessionEvent> = [
      { ...stamp(), type: "user.message", processed_at: null, content: [{ type: "text", text: `m${this.count}` }] },
      ...(call === undefined
        ? []
        : [
            {
              ...stamp(),
              type: "user.tool_confirmation" as const,
              tool_use_id: call.id,
              result: choice % 2 === 0 ? ("allow" as const) : ("deny" as const)
            },
            { ...stamp(), type: "user.custom_tool_result" as const, custom_tool_use_id: call.id }
          ]),
      { ...stamp(), type: "user.interrupt" }
    ]
    const event = events[choice % events.length]!
    if (refuse(this.state, event as never) !== null) return
    if (event.type === "user.message") this.sent.push(event.content[0].text)
    this.append(event)
  }

  /** Lets everything that can happen without surprises happen: a client that answers, a model that says one last thing. */
  drain() {
    for (let round = 0; round < 500; round++) {
      if (this.state.request !== null && next(this.state, limits).type === "callModel")
        this.closeRequest(this.state.request)
      if (this.act(4)) continue
      const waiting = this.state.calls.find(
        ({ result, runner, permission }) => result === null && (runner === "client" || permission === "ask")
      )
      if (waiting === undefined) return
      this.append(
        waiting.runner === "client"
          ? { id: this.id(), processed_at: at, type: "user.custom_tool_result", custom_tool_use_id: waiting.id }
          : {
              id: this.id(),
              processed_at: at,
              type: "user.tool_confirmation",
              tool_use_id: waiting.id,
              result: "allow"
            }
      )
    }
    assert.fail("the session never came to rest")
  }
}

it.prop(
  "any interleaving of inputs, answers and crashes keeps every message, every pair and their order, and comes to rest",
  [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 })))],
  ([choices]) => {
    const session = new Session()
    for (const choice of choices) {
      const value = Math.floor(choice / 10)
      if (choice % 10 === 0) session.crash()
      else if (choice % 10 < 4) session.send(value)
      else session.act(value)
    }
    session.drain()

    const { messages, status, calls, queue } = session.state
    assert.deepStrictEqual(session.log.reduce(fold, initial), session.state, "the state is the fold of the log")
    assert.strictEqual(status, "idle")
    assert.deepStrictEqual([calls, queue], [[], []])
    // No input is lost, doubled or reordered.
    assert.deepStrictEqual(
      messages.flatMap((message) => (message.role === "user" ? [message.text] : [])),
      session.sent
    )
    // Each answer is followed by exactly the results of its calls, in the order of the calls.
    messages.forEach((message, index) => {
      if (message.role !== "assistant") return
      const results = messages.slice(index + 1, index + 1 + message.toolCalls.length)
      assert.deepStrictEqual(
        results.map((result) => (result.role === "tool" ? result.toolCallId : result.role)),
        message.toolCalls.map(({ id }) => id)
      )
    })
    assert.strictEqual(
      messages.filter(({ role }) => role === "tool").length,
      messages.reduce((sum, message) => sum + (message.role === "assistant" ? message.toolCalls.length : 0), 0)
    )
    // At most one turn at a time.
    const turns = session.log.filter(({ type }) => type === "session.status_running" || type === "session.status_idle")
    turns.forEach((event, index) => {
      const before = turns[index - 1]
      if (event.type === "session.status_running" && before !== undefined)
        assert.strictEqual(before.type, "session.status_idle")
    })
  },
  { arbitrary: { runs: 3000 } }
)
