import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Budget } from "../src/domain/Budget.ts"
import type { SessionEvent } from "../src/domain/Event.ts"
import { EventId, PolicyId, SnapshotId } from "../src/domain/Ids.ts"
import { toolName } from "../src/domain/StructuredOutput.ts"
import { fold } from "../src/loop/fold.ts"
import { noUsage } from "../src/loop/Spent.ts"
import { initial, type State } from "../src/loop/State.ts"
import { refuse } from "../src/loop/refuse.ts"
import { type Action, inDoubt, type Limits, next } from "../src/loop/Turn.ts"

const limits: Limits = {
  maxSteps: 6,
  maxReschedules: 2,
  budget: null,
  isStructured: false,
  savesWorkspace: false,
  models: ["m", "spare"],
  contextWindow: 60,
  now: 0
}
const text = (value: string) => [{ type: "text" as const, text: value }]

const reminder = "in the form, please"
const target = { method: "GET", scheme: "https", host: "a.example", port: 443, path: "/" } as const
const asking = { policy_id: PolicyId.make("pol_1"), policy_version: "1", rule: "rules[0]" }

/** A session in miniature: a log, and choices of what a model answers, what a client sends, and when the process dies. */
class Session {
  readonly log: Array<SessionEvent> = []
  readonly sent: Array<string> = []
  state: State = initial
  now = 0
  budget: Budget | null = { type: "limit", max_tool_calls: 5, max_tokens: 200 }
  private count = 0
  private readonly isStructured: boolean
  private readonly savesWorkspace: boolean

  constructor(isStructured: boolean, savesWorkspace: boolean) {
    this.isStructured = isStructured
    this.savesWorkspace = savesWorkspace
  }

  id() {
    return EventId.make(`sevt_${++this.count}`)
  }

  private time() {
    return new Date(this.now).toISOString()
  }

  stamp() {
    return { id: this.id(), processed_at: this.time() }
  }

  get limits(): Limits {
    const { budget, isStructured, now, savesWorkspace } = this
    return { ...limits, budget, isStructured, savesWorkspace, now }
  }

  append(...events: ReadonlyArray<SessionEvent>) {
    for (const event of events) {
      this.log.push(event)
      this.state = fold(this.state, event)
    }
  }

  /** What `Actions` does, with the choice in place of a model and of tools. */
  act(choice: number): boolean {
    const action = next(this.state, this.limits)
    switch (action.type) {
      case "rest":
        if (action.until === undefined || choice % 3 > 0) return false
        this.now = action.until
        return true
      case "wait":
        this.now = action.until
        return true
      case "rebuildWorkspace":
        this.append({ ...this.stamp(), type: "session.workspace_rebuilt", calls: 0, differing: [] })
        return true
      case "takeIn":
        if (this.state.status !== "running") this.append({ ...this.stamp(), type: "session.status_running" })
        this.append(
          ...action.messages.map((message): SessionEvent => ({
            id: message.id,
            processed_at: this.time(),
            type: "user.message",
            content: [{ type: "text", text: message.text }]
          }))
        )
        return true
      case "resume":
        this.append({ ...this.stamp(), type: "session.status_running" })
        return true
      case "callModel":
      case "compact":
        this.ask(action, choice)
        return true
      case "reschedule": {
        const resume_at = new Date(this.now + action.delay).toISOString()
        this.append({ ...this.stamp(), type: "session.status_rescheduled", resume_at })
        return true
      }
      case "runTools": {
        const some = choice % 2 === 0 ? action.calls.toReversed() : action.calls.slice(0, 1)
        if (choice % 5 === 0) this.append(...some.map(({ id }) => this.question(id)))
        this.append(...some.map(({ id }) => this.result(id)))
        return true
      }
      case "settle":
        this.append(...action.calls.map(({ id }) => this.result(id)))
        return true
      case "takeAnswer": {
        const { call, others } = action
        this.append(...[call, ...others].map(({ id }) => this.result(id)))
        this.append({ ...this.stamp(), type: "agent.structured_output", tool_use_id: call.id, value: choice })
        return true
      }
      case "remind":
        this.append({ ...this.stamp(), type: "session.structured_output_reminder", content: text(reminder) })
        return true
      case "save":
        this.save(choice)
        return true
      case "allowForEver":
        this.append(this.result(action.call.id))
        return true
      case "closeRequest":
        this.closeRequest(action.id)
        return true
      case "stop":
        this.append({
          ...this.stamp(),
          type: "session.status_idle",
          stop_reason: action.stopReason,
          stop_details: null
        })
        return true
    }
  }

  private ask(action: Extract<Action, { readonly type: "callModel" | "compact" }>, choice: number) {
    const summary = (): SessionEvent => ({
      ...this.stamp(),
      type: "agent.thread_context_compacted",
      summary: text("so far"),
      compacted_messages: action.type === "compact" ? action.count : 0
    })
    if (action.choice === null) return this.append(summary())
    const { model } = action.choice
    const open = this.state.isRequesting ? this.state.request! : null
    const purpose = action.type === "compact" ? ({ purpose: "compaction" } as const) : {}
    if (open !== null && (open.model !== model || open.purpose !== (purpose.purpose ?? "answer"))) {
      this.closeRequest(open.id)
    }
    if (!this.state.isRequesting) this.append({ ...this.stamp(), type: "span.model_request_start", model, ...purpose })
    const model_request_start_id = this.state.request!.id
    if (choice % 7 === 0) return // The process dies while it waits, or an interrupt comes.
    if (choice % 7 < 3) return this.fail(model, choice)
    const input_tokens = choice % 5 === 0 ? 55 : 5
    const end: SessionEvent = {
      ...this.stamp(),
      type: "span.model_request_end",
      model_request_start_id,
      is_error: false,
      model_usage: { ...noUsage, input_tokens }
    }
    if (action.type === "compact") return this.append(summary(), end)
    const calls = Array.from({ length: choice % 4 }, (_, index): SessionEvent => {
      const use = { ...this.stamp(), name: `tool${index}`, input: {} }
      if (this.isStructured && choice % 2 === 0) {
        return {
          ...use,
          type: "agent.tool_use",
          name: index === 1 ? use.name : toolName,
          evaluated_permission: "allow"
        }
      }
      return (choice + index) % 3 === 0
        ? { ...use, type: "agent.custom_tool_use" }
        : {
            ...use,
            type: "agent.tool_use",
            evaluated_permission: (["allow", "ask", "deny"] as const)[(choice + index) % 3]!
          }
    })
    this.append({ ...this.stamp(), type: "agent.message", content: text("hm") }, ...calls, end)
  }

  private fail(model: string, choice: number) {
    const reason = ["Overloaded", "ContextOverflow", "InvalidRequest", "TimedOut"][choice % 4]!
    this.closeRequest(this.state.request!.id)
    this.append({
      ...this.stamp(),
      type: "session.error",
      error: { type: "unknown_error", message: "", reason, model, retry_status: { type: "retrying" } }
    })
  }

  private result(tool_use_id: EventId): SessionEvent {
    return {
      id: this.id(),
      processed_at: this.time(),
      type: "agent.tool_result",
      tool_use_id,
      content: text("r"),
      is_error: false,
      ...(this.count % 3 === 0 ? { rejected: true } : {})
    }
  }

  private save(choice: number) {
    if (choice % 3 === 0) {
      this.append({ ...this.stamp(), type: "session.workspace_not_saved", message: "no" })
      return
    }
    const id = SnapshotId.make(`snap_${choice}`)
    const snapshot = { id, size_bytes: 1, entries: 1, sha256: "", created_at: this.time() }
    this.append({ ...this.stamp(), type: "session.workspace_saved", snapshot })
  }

  /** The gateway asks about a request of a call that runs. */
  private question(tool_use_id: EventId): SessionEvent {
    return {
      ...this.stamp(),
      type: "agent.tool_use",
      name: "egress_request",
      input: {},
      evaluated_permission: "ask",
      egress: { ...target, tool_use_id, ...asking, expires_at: new Date(this.now + 1_000).toISOString() }
    }
  }

  private closeRequest(model_request_start_id: EventId) {
    const failed = { model_request_start_id, is_error: true, model_usage: noUsage }
    this.append({ id: this.id(), processed_at: this.time(), type: "span.model_request_end", ...failed })
  }

  /** The process dies: the state is read from the log, and what it left open is settled. */
  crash() {
    this.state = this.log.reduce(fold, initial)
    this.append(...inDoubt(this.state).map(({ id }) => this.result(id)))
  }

  send(choice: number) {
    const stamp = () => this.stamp()
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
              result: choice % 2 === 0 ? ("allow" as const) : ("deny" as const),
              ...(call.egress !== null && choice % 3 === 0 ? { scope: "always" as const } : {})
            },
            { ...stamp(), type: "user.custom_tool_result" as const, custom_tool_use_id: call.id }
          ]),
      { ...stamp(), type: "user.interrupt" },
      { ...stamp(), type: "session.machine_stopping", reason: choice % 2 === 0 ? "idle" : "replaced" }
    ]
    const event = events[choice % events.length]!
    if (event.type === "session.machine_stopping") return this.append(event)
    if (refuse(this.state, event as never) !== null) return // Each of them is what a client may send, with its id and time.
    if (event.type === "user.message") this.sent.push(event.content[0].text)
    this.append(event)
  }

  /** Lets everything that can happen without surprises happen: a client that answers, a model that says one last thing. */
  drain() {
    this.budget = null
    for (let round = 0; round < 500; round++) {
      if (this.act(4)) continue
      const waiting = this.state.calls.find(
        ({ result, runner, permission }) => result === null && (runner === "client" || permission === "ask")
      )
      if (waiting === undefined) return
      this.append(
        waiting.runner === "client"
          ? {
              id: this.id(),
              processed_at: this.time(),
              type: "user.custom_tool_result",
              custom_tool_use_id: waiting.id
            }
          : {
              id: this.id(),
              processed_at: this.time(),
              type: "user.tool_confirmation",
              tool_use_id: waiting.id,
              result: "allow"
            }
      )
    }
    assert.fail("the session never came to rest")
  }
}

/** Whether the model is reminded at most once for a message, and a turn ends only with an answer in the form that is asked for. */
const endsWell = (log: ReadonlyArray<SessionEvent>, isStructured: boolean): boolean => {
  let reminders = 0
  let isAnswered = false
  let isInterrupted = false
  return log.every((event) => {
    if (event.type === "user.message" && event.processed_at !== null) [reminders, isAnswered] = [0, false]
    if (event.type === "agent.structured_output") isAnswered = true
    if (event.type === "user.interrupt") isInterrupted = true
    if (event.type === "session.structured_output_reminder") return ++reminders === 1 && !isAnswered
    if (event.type !== "session.status_idle") return true
    const isFine = isInterrupted || event.stop_reason.type !== "end_turn" || isAnswered || !isStructured
    isInterrupted = false
    return isFine
  })
}

/** Whether a workspace is saved before its session rests, and the last two snapshots are kept. */
const isKept = (log: ReadonlyArray<SessionEvent>, { saving }: State): boolean => {
  const saved = log.flatMap((event) => (event.type === "session.workspace_saved" ? [event.snapshot.id] : []))
  const latest = [...new Set(saved.toReversed())].slice(0, 2)
  let state = initial
  const isSaved = log.every((event) => {
    const { unsaved } = state.saving
    state = fold(state, event)
    return event.type !== "session.status_idle" || unsaved === "nothing" || unsaved === "given up"
  })
  return isSaved && latest.join() === saving.snapshots.map(({ id }) => id).join()
}

it.prop(
  "any interleaving of inputs, answers and crashes keeps every message, every pair and their order, and comes to rest",
  [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 }))), Schema.Boolean, Schema.Boolean],
  ([choices, isStructured, savesWorkspace]) => {
    const session = new Session(isStructured, savesWorkspace)
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
    assert.isAtMost(session.state.rejections, session.state.steps)
    // No input is lost, doubled or reordered; what a summary stands for was taken in before it.
    assert.deepStrictEqual(
      session.log.flatMap((event) =>
        event.type === "user.message" && event.processed_at !== null ? [event.content[0].text] : []
      ),
      session.sent
    )
    const shown = messages.flatMap((message) =>
      message.role === "user" && message.text !== reminder ? [message.text] : []
    )
    const isCompacted = session.log.some(({ type }) => type === "agent.thread_context_compacted")
    const own = isCompacted ? shown.slice(1) : shown
    assert.deepStrictEqual(own, session.sent.slice(session.sent.length - own.length))
    assert.isTrue(isCompacted || own.length === session.sent.length)
    // Each answer is followed by exactly the results of its calls, in the order of the calls.
    messages.forEach((message, index) => {
      if (message.role !== "assistant") return
      const results = messages.slice(index + 1, index + 1 + message.toolCalls.length)
      assert.deepStrictEqual(
        results.map((result) => (result.role === "tool" ? result.toolCallId : result.role)),
        message.toolCalls.map(({ id }) => id)
      )
    })
    // A checkpoint anywhere, and the rest of the log, give the same state.
    const half = Math.floor(session.log.length / 2)
    const checkpoint: State = JSON.parse(JSON.stringify(session.log.slice(0, half).reduce(fold, initial)))
    assert.deepStrictEqual(session.log.slice(half).reduce(fold, checkpoint), session.state)
    assert.strictEqual(
      messages.filter(({ role }) => role === "tool").length,
      messages.reduce((sum, message) => sum + (message.role === "assistant" ? message.toolCalls.length : 0), 0)
    )
    assert.strictEqual(endsWell(session.log, isStructured), true)
    assert.isTrue(!savesWorkspace || isKept(session.log, session.state))
    assert.isTrue(savesWorkspace || !session.log.some(({ type }) => type.startsWith("session.workspace")))
    // Nothing is allowed that nobody allowed, and what was allowed for one request holds no longer than its turn.
    const allowed = session.log.flatMap((event) =>
      event.type === "user.tool_confirmation" && event.result === "allow" ? [event.tool_use_id] : []
    )
    for (const { id, scope } of session.state.approvals) {
      assert.strictEqual(scope, "session")
      assert.include(allowed, id)
    }
    // At most one turn at a time.
    const turns = session.log.filter(({ type }) => type.startsWith("session.status_"))
    turns.forEach((event, index) => {
      const before = turns[index - 1]
      if (event.type === "session.status_running" && before !== undefined)
        assert.notStrictEqual(before.type, "session.status_running")
    })
  },
  { arbitrary: { runs: 3000 } }
)
