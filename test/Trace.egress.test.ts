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
import { converse, ofType, replayable } from "./support/agentLoop.ts"
import { decision } from "./support/records.ts"
import { exported } from "./support/replayed.ts"
import { all, faults, tracesOf } from "./support/traces.ts"

/** What leaves, as a session's traces tell it. A tool stands for the gateway, and notes what that would. */

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
