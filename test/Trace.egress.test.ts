import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { call, layer as scripted, say } from "../layers/model/Scripted.ts"
import type { EgressDecision } from "../src/domain/Egress.ts"
import { EventId, PolicyId } from "../src/domain/Ids.ts"
import { CurrentToolUse } from "../src/EgressPolicy.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { defineTool } from "../src/tools/defineTool.ts"
import { withEgress } from "../src/trace/egressSpans.ts"
import * as Export from "../src/trace/Export.ts"
import type { Span } from "../src/trace/Span.ts"
import { converse, message, ofType, replayable, session } from "./support/agentLoop.ts"
import { decision, toolset } from "./support/records.ts"
import { exported } from "./support/replayed.ts"
import { all, faults, tracesOf } from "./support/traces.ts"

/** What leaves, and what people say of it, as a session's traces tell it. A tool stands for the gateway, and notes what that would. */

const rule = { policy_id: PolicyId.make("pol_1"), policy_version: "v1", rule: "rules[0]" }
const target = { method: "GET", scheme: "https", host: "a.example", port: 443, path: "/x" } as const
const outcomes = {
  asked: "blocked",
  denied: "blocked",
  unasked: "blocked",
  once: "allowed",
  session: "allowed"
} as const

/** The loop that the tools below belong to. */
let agent: AgentLoop["Service"]
/** The audit, newest first. */
let audit: ReadonlyArray<EgressDecision> = []

const note = Effect.fnUntraced(function* (fields: Partial<Omit<EgressDecision, "id">>) {
  const tool_use_id = yield* CurrentToolUse
  const created_at = new Date(yield* Effect.clockWith((clock) => clock.currentTimeMillis)).toISOString()
  const made = decision(String(audit.length + 1), { ...target, ...fields, tool_use_id, created_at })
  audit = [made, ...audit]
  yield* agent.noteEgress(made)
})

/** Sends its request a second after it was called, and ends another second later. */
const send = defineTool({
  name: "send",
  description: "Sends something",
  input: Schema.Struct({ path: Schema.String }),
  run: Effect.fnUntraced(function* ({ path }) {
    yield* TestClock.adjust("1 second")
    yield* note({ path })
    yield* TestClock.adjust("1 second")
    return "sent"
  })
})

const ask = defineTool({
  name: "ask",
  description: "Sends what a person must allow",
  input: Schema.Struct({}),
  run: Effect.fnUntraced(function* () {
    const approval = yield* agent.approveEgress({ ...target, ...rule, tool_use_id: yield* CurrentToolUse })
    yield* note({ ...rule, outcome: outcomes[approval], approval: approval === "unasked" ? null : approval })
    return approval
  })
})

const loop = (turns: Parameters<typeof scripted>[0]) => replayable({ model: scripted(turns), tools: [send, ask] })

const start = Effect.gen(function* () {
  agent = yield* AgentLoop
  audit = []
  yield* converse("go")
})

const trace = Effect.gen(function* () {
  const traces = tracesOf(yield* Effect.flatMap(exported, Export.parse))
  assert.isEmpty(traces.flatMap(faults))
  return traces.at(-1)!
})

const named = (spans: ReadonlyArray<Span>, name: string) => spans.filter((span) => span.name.startsWith(name))

const below = ({ children, name }: Span) => ({ [name]: children.map((child) => child.attributes["url.path"]) })

describe("what tried to leave", () => {
  const both = [...call("send", { path: "/a" }), ...call("send", { path: "/b" })]

  it.effect("is below the call that sent it, also where two ran at the same time, and no audit is there", () =>
    Effect.gen(function* () {
      yield* start
      const { root } = yield* trace
      assert.deepStrictEqual(named(root.children, "execute_tool").map(below), [
        { "execute_tool send": ["/a"] },
        { "execute_tool send": ["/b"] }
      ])
    }).pipe(Effect.provide(loop([both, say("done")])))
  )

  it.effect("has the time that the audit has of it, which also knows what no log shows", () =>
    Effect.gen(function* () {
      yield* start
      const told = yield* trace
      const [first, second] = yield* ofType("agent.tool_use")
      const { started_at } = told.root
      const others = [
        decision("unknown", { path: "/unknown", created_at: started_at }),
        decision("another", { path: "/another", tool_use_id: EventId.make("sevt_other"), created_at: started_at }),
        decision("earlier", { path: "/earlier", created_at: "1969-01-01T00:00:00.000Z" }),
        // Its process died before the call ran again.
        decision("died", { path: "/died", tool_use_id: second!.id, created_at: started_at })
      ]
      const [known] = withEgress([told], [...audit, ...others])
      assert.isEmpty(faults(known!))
      const { root } = known!
      assert.deepStrictEqual(below({ ...root, children: named(root.children, "egress") }), {
        "invoke_agent Counter": ["/unknown"]
      })
      const calls = named(root.children, "execute_tool")
      const callOf = (id: string) => calls.find(({ attributes }) => attributes["gen_ai.tool.call.id"] === id)!
      assert.deepStrictEqual(below(callOf(first!.id)), { "execute_tool send": ["/a"] })
      assert.deepStrictEqual(below(callOf(second!.id)), { "execute_tool send": ["/died", "/b"] })
      for (const { created_at, path } of audit) {
        const span = all(root).find(({ attributes }) => attributes["url.path"] === path)!
        assert.deepStrictEqual([span.started_at, span.ended_at], [created_at, created_at])
      }
    }).pipe(Effect.provide(loop([both, say("done")])))
  )

  it.effect("says by which rule of which version of a policy, and what came of it", () =>
    Effect.gen(function* () {
      yield* start
      const [egress] = all((yield* trace).root).filter(({ name }) => name.startsWith("egress"))
      assert.deepInclude(egress, { name: "egress GET", status: "error" })
      assert.deepInclude(egress!.attributes, {
        "server.address": "a.example",
        "ownloop.egress.outcome": "blocked",
        "ownloop.egress.approval": "asked",
        "ownloop.egress.policy.id": "pol_1",
        "ownloop.egress.policy.version": "v1",
        "ownloop.egress.rule": "rules[0]",
        "error.type": "blocked"
      })
    }).pipe(Effect.provide(loop([call("ask", {}), say("done")])))
  )
})

describe("a question to a person", () => {
  const answer = Effect.fnUntraced(function* (result: "allow" | "deny", fields: object = {}) {
    const id = (yield* ofType("agent.tool_use")).findLast(
      ({ evaluated_permission }) => evaluated_permission === "ask"
    )!.id
    yield* agent.send([{ type: "user.tool_confirmation", tool_use_id: id, result, ...fields }])
    yield* agent.run
  })
  const questions = Effect.map(trace, ({ root }) => named(root.children, "approve"))
  const seconds = ({ ended_at, started_at }: Span) => (Date.parse(ended_at!) - Date.parse(started_at)) / 1_000

  it.effect("is a span from when it is asked to its answer, and says which call used the approval", () =>
    Effect.gen(function* () {
      yield* start
      const [open] = yield* questions
      assert.isNull(open!.ended_at)
      yield* TestClock.adjust("1 minute")
      yield* answer("allow")
      const [question, ...others] = yield* questions
      assert.isEmpty(others)
      assert.deepInclude(question, { name: "approve egress_request", status: "unset" })
      assert.strictEqual(seconds(question!), 60)
      const [asked, , sent] = yield* ofType("agent.tool_use")
      assert.deepInclude(question!.attributes, {
        "gen_ai.tool.call.id": asked!.id,
        "server.address": "a.example",
        "url.path": "/x",
        "ownloop.egress.policy.id": "pol_1",
        "ownloop.egress.rule": "rules[0]",
        "ownloop.approval.result": "allow",
        "ownloop.approval.used_by": sent!.id
      })
      const { root } = yield* trace
      assert.lengthOf(named(root.children, "execute_tool"), 2)
      assert.deepStrictEqual(
        named(all(root), "egress").map(({ attributes }) => attributes["ownloop.egress.approval"]),
        ["asked", "once"]
      )
    }).pipe(Effect.provide(loop([call("ask", {}), call("ask", {}), say("done")])))
  )

  it.effect("says how long an approval lasts", () =>
    Effect.gen(function* () {
      yield* start
      yield* answer("allow", { scope: "session" })
      const [question] = yield* questions
      assert.deepInclude(question!.attributes, { "ownloop.approval.scope": "session" })
      assert.notProperty(question!.attributes, "ownloop.approval.used_by")
    }).pipe(Effect.provide(loop([call("ask", {}), call("ask", {}), say("done")])))
  )

  it.effect("that is answered with no says so", () =>
    Effect.gen(function* () {
      yield* start
      yield* answer("deny", { deny_message: "not that host" })
      const [question] = yield* questions
      assert.deepInclude(question!.attributes, { "ownloop.approval.result": "deny" })
      const file = yield* Effect.flatMap(exported, Export.parse)
      assert.notInclude(JSON.stringify(tracesOf(file)), "not that host")
      assert.include(JSON.stringify(tracesOf(file, 1)), '"ownloop.approval.deny_message":"not that host"')
    }).pipe(Effect.provide(loop([call("ask", {}), say("done")])))
  )

  it.effect("that nobody answers in time, or before an interrupt, ends without an answer", () =>
    Effect.gen(function* () {
      yield* start
      yield* TestClock.adjust("24 hours")
      yield* agent.run
      yield* agent.send([message("again")])
      yield* agent.run
      yield* agent.send([{ type: "user.interrupt" }])
      yield* agent.run
      const traces = tracesOf(yield* Effect.flatMap(exported, Export.parse))
      const asked = traces.flatMap(({ root }) => named(root.children, "approve"))
      assert.deepStrictEqual(
        asked.map((span) => [span.attributes["error.type"], seconds(span)]),
        [
          ["unanswered", 24 * 60 * 60],
          ["unanswered", 0]
        ]
      )
    }).pipe(Effect.provide(loop([call("ask", {}), say("done"), call("ask", {}), say("done")])))
  )

  it.effect("that is answered too late says so", () =>
    Effect.gen(function* () {
      yield* start
      yield* TestClock.adjust("25 hours")
      yield* answer("allow")
      const [question] = yield* questions
      assert.deepInclude(question, { status: "error" })
      assert.deepInclude(question!.attributes, { "error.type": "late", "ownloop.approval.result": "allow" })
    }).pipe(Effect.provide(loop([call("ask", {}), say("done")])))
  )

  it.effect("about a tool is one too, beside the call, which begins when it is run", () =>
    Effect.gen(function* () {
      agent = yield* AgentLoop
      const default_config = { enabled: true, permission_policy: { type: "always_ask" } } as const
      yield* converse("go", { agent: { ...session.agent, tools: [{ ...toolset, default_config }] } })
      yield* TestClock.adjust("1 minute")
      yield* answer("allow")
      const { root } = yield* trace
      const [question] = named(root.children, "approve")
      const [tool] = named(root.children, "execute_tool")
      assert.deepInclude(question!.attributes, { "gen_ai.tool.name": "send", "ownloop.approval.result": "allow" })
      assert.deepStrictEqual([seconds(question!), seconds(tool!)], [60, 2])
      assert.strictEqual(tool!.started_at, question!.ended_at)
    }).pipe(Effect.provide(loop([call("send", { path: "/a" }), say("done")])))
  )
})
