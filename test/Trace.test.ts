import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { call, fail, layer as scripted, say, type Turn } from "../layers/model/Scripted.ts"
import * as Otlp from "../layers/observability/Otlp.ts"
import { agentLoop, deployment } from "../layers/test.ts"
import { Catalog } from "../src/Catalog.ts"
import { type Networking, noNetworking } from "../src/domain/Environment.ts"
import type { SessionEvent } from "../src/domain/Event.ts"
import { EventId } from "../src/domain/Ids.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { RateLimited } from "../src/ModelClient.ts"
import { Sessions } from "../src/Sessions.ts"
import * as Export from "../src/trace/Export.ts"
import * as OtlpJson from "../src/trace/otlp.ts"
import type { Span } from "../src/trace/Span.ts"
import { converse, echo, message, session } from "./support/agentLoop.ts"
import { startCollector } from "./support/collector.ts"
import { decode, spanFaults } from "./support/otlp.ts"
import { exported } from "./support/replayed.ts"
import { all, faults, tracesOf } from "./support/traces.ts"

const slow = { ...echo, run: () => Effect.as(TestClock.adjust("3 seconds"), "slow") }
const traceId = "0af7651916cd43dd8448eb211c80319c"
const traced = `00-${traceId}-b7ad6b7169203331-01`

const record = (turns: ReadonlyArray<Turn>, model = "@cf/openai/gpt-oss-20b") =>
  converse("go", { agent: { ...session.agent, model: { id: model } } }).pipe(
    Effect.andThen(exported),
    Effect.andThen(Export.parse),
    Effect.provide(agentLoop({ id: session.id, model: scripted(turns), tools: [slow] }))
  )

const outline = (span: Span): object => ({
  [span.name]: span.children.map(outline)
})

const go = message("go")

const settled = (sessions: Sessions["Service"]): Effect.Effect<void, unknown> =>
  Effect.flatMap(sessions.get(session.id), ({ status }) =>
    status === "idle" ? Effect.void : Effect.andThen(Effect.yieldNow, settled(sessions))
  )

const twoSteps = [[...say("let me"), ...call("echo", { text: "hi" })], say("done")]

describe("a turn's trace", () => {
  it.effect("has a span for each model attempt and each tool, below the turn's own", () =>
    Effect.gen(function* () {
      const [trace, ...others] = tracesOf(yield* record(twoSteps))
      assert.isEmpty(others)
      assert.isEmpty(faults(trace!))
      assert.deepStrictEqual(outline(trace!.root), {
        "invoke_agent Counter": [
          { "chat @cf/openai/gpt-oss-20b": [] },
          { "execute_tool echo": [] },
          { "chat @cf/openai/gpt-oss-20b": [] }
        ]
      })
      const [root, chat, tool] = all(trace!.root)
      assert.deepInclude(root!.attributes, {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.conversation.id": session.id,
        "gen_ai.provider.name": "cloudflare.workers_ai",
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 10,
        "ownloop.stop_reason": "end_turn"
      })
      assert.closeTo(Number(root!.attributes["ownloop.cost.list_usd"]), (20 * 0.2 + 10 * 0.3) / 1e6, 1e-12)
      assert.deepInclude(chat!.attributes, { "gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": 5 })
      assert.strictEqual(chat!.kind, "client")
      assert.deepInclude(tool!.attributes, { "gen_ai.tool.name": "echo", "ownloop.tool.permission": "allow" })
      assert.strictEqual(Date.parse(tool!.ended_at!) - Date.parse(tool!.started_at), 3_000)
      assert.notInclude(JSON.stringify(trace), "slow", "content is not in it where nobody asked for it")
    })
  )

  it.effect("holds what was written and read where that is sampled", () =>
    Effect.gen(function* () {
      const text = JSON.stringify(tracesOf(yield* record(twoSteps), 1))
      for (const part of [
        '"gen_ai.tool.call.arguments":"{\\"text\\":\\"hi\\"}"',
        '"gen_ai.tool.call.result":"slow"',
        "done"
      ]) {
        assert.include(text, part)
      }
    })
  )

  it.effect("has each failed attempt apart, with what it failed with", () =>
    Effect.gen(function* () {
      const busy = fail(new RateLimited({ detail: "slow down" }))
      const running = yield* Effect.forkChild(record([busy, busy, say("done")]))
      yield* TestClock.adjust("1 minute")
      const [trace] = tracesOf(yield* Fiber.join(running))
      const failed = all(trace!.root).filter(({ name }) => name.startsWith("chat"))
      assert.deepStrictEqual(
        failed.map(({ attributes, status }) => [status, attributes["error.type"]]),
        [
          ["error", "RateLimited"],
          ["error", "RateLimited"],
          ["unset", undefined]
        ]
      )
    })
  )

  it.effect("has a span for a wait, and goes on after it", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* converse("go", { budget: { type: "limit", max_steps: 1 } })
      const before = yield* Effect.flatMap(exported, Export.parse)
      assert.deepStrictEqual(
        tracesOf(before).map(({ root }) => [root.ended_at, root.children.at(-1)!.name, root.children.at(-1)!.ended_at]),
        [[null, "wait", null]]
      )
      const { record } = yield* agent.snapshot
      yield* agent.putRecord({ ...record, budget: null })
      yield* agent.noteChange({ budget: null, previous_budget: record.budget })
      yield* agent.run
      const [trace, ...others] = tracesOf(yield* Effect.flatMap(exported, Export.parse))
      assert.isEmpty([...others, ...faults(trace!)])
      assert.strictEqual(
        all(trace!.root).find(({ name }) => name === "wait")!.attributes["ownloop.wait.reason"],
        "budget_reached"
      )
    }).pipe(Effect.provide(agentLoop({ id: session.id, model: scripted(twoSteps), tools: [echo] })))
  )

  it.effect("of a fork in its middle counts what the fork spent", () =>
    Effect.gen(function* () {
      const { entries, ...head } = yield* record(twoSteps)
      const at = entries.findIndex(({ event }) => event.type === "agent.tool_result")
      const { id, processed_at } = entries[at]!.event
      const event: SessionEvent = {
        id: EventId.make("sevt_forked"),
        type: "session.forked",
        processed_at: processed_at!,
        session_id: session.id,
        event_id: id
      }
      const [trace] = tracesOf({ ...head, entries: entries.toSpliced(at + 1, 0, { seq: 0, event }) })
      assert.deepInclude(trace!.root.attributes, {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5
      })
    })
  )

  it.live("costs what its requests cost, and the turns together what their session and its agent did", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const catalog = yield* Catalog
      const agent = { ...session.agent, model: { id: "@cf/openai/gpt-oss-20b" } }
      yield* sessions.create({ ...session, agent }, [go])
      yield* settled(sessions)
      yield* sessions.send(session.id, [go])
      yield* settled(sessions)
      const turns = yield* sessions.traces(session.id, 100)
      const costs = turns.map(({ root }) => Number(root.attributes["ownloop.cost.list_usd"]))
      const each = (10 * 0.2 + 5 * 0.3) / 1e6
      for (const cost of costs) assert.closeTo(cost, each, 1e-12)
      const { usage } = yield* sessions.get(session.id)
      assert.closeTo(usage.list_cost_usd!, 2 * each, 1e-12)
      // The index is told once the turn is over.
      const told: Effect.Effect<unknown, unknown> = Effect.flatMap(catalog.agentUsage(agent.id), (sum) =>
        sum.input_tokens === usage.input_tokens ? Effect.succeed(sum) : Effect.andThen(Effect.yieldNow, told)
      )
      assert.deepInclude(yield* told, { sessions: 1, output_tokens: 10, list_cost_usd: usage.list_cost_usd! })
    }).pipe(Effect.provide(deployment({ model: scripted([say("1"), say("2")]) })))
  )

  it.live("is told for the last turns that are asked for", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      yield* sessions.create(session, [go])
      for (let count = 1; count < 4; count++) yield* Effect.andThen(settled(sessions), sessions.send(session.id, [go]))
      yield* settled(sessions)
      const every = yield* sessions.traces(session.id, 100)
      assert.lengthOf(every, 4)
      for (const turns of [1, 2, 3, 4]) {
        assert.deepStrictEqual(yield* sessions.traces(session.id, turns), every.slice(-turns))
      }
    }).pipe(Effect.provide(deployment({ model: scripted([say("1"), say("2"), say("3"), say("4")]) })))
  )
})

/** A deployment that fetches from example.com and sends its traces to a collector, and what that and that host are sent. */
const collected = Effect.gen(function* () {
  const collector = yield* Effect.acquireRelease(Effect.promise(startCollector), ({ close }) => Effect.promise(close))
  const visits: Array<Headers> = []
  const settings = { OTLP_URL: `${collector.url}/otlp/`, OTLP_HEADERS: "authorization=Bearer%20t,x-team=a" }
  const traces = Otlp.layer.pipe(
    Layer.provide([FetchHttpClient.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(settings))]),
    Layer.orDie
  )
  const spans = yield* Effect.gen(function* () {
    const sessions = yield* Sessions
    yield* sessions.create(session, [{ ...go, traceparent: traced }])
    return yield* Effect.promise(() => collector.turn(traceId))
  }).pipe(
    Effect.provide(
      deployment({
        model: scripted([call("web_fetch", { url: "https://example.com/" }), say("done")]),
        networking: { ...noNetworking, allowed_hosts: ["example.com"] } as Networking,
        traces,
        send: async (request) => {
          visits.push(request.headers)
          return new Response("one two three")
        }
      })
    )
  )
  return { requests: collector.requests, spans, visits }
})

describe("a collector", () => {
  it.live("is sent each turn when it has ended, as part of the caller's trace", () =>
    Effect.gen(function* () {
      const { requests, spans, visits } = yield* collected
      assert.lengthOf(requests, 1)
      const [{ headers, path }] = requests as [(typeof requests)[0]]
      assert.strictEqual(path, "/otlp/v1/traces")
      assert.deepStrictEqual([headers.get("authorization"), headers.get("x-team")], ["Bearer t", "a"])
      assert.isEmpty(spanFaults(spans))
      assert.deepStrictEqual(
        spans.map(({ name }) => name.split(" ")[0]),
        ["invoke_agent", "chat", "execute_tool", "chat"]
      )
      const [root, , tool] = spans
      assert.deepStrictEqual([root!.parentSpanId, tool!.parentSpanId], ["b7ad6b7169203331", root!.spanId])
      assert.strictEqual(visits[0]!.get("traceparent"), `00-${String(root!.traceId)}-${String(tool!.spanId)}-01`)
    })
  )

  it.effect("gets no span that goes on", () =>
    Effect.gen(function* () {
      const { entries, ...head } = yield* record(twoSteps)
      const spans = decode(OtlpJson.encode(tracesOf({ ...head, entries: entries.slice(0, 7) })))
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["chat @cf/openai/gpt-oss-20b"]
      )
    })
  )

  it.effect("reads every kind of attribute, and what failed", () =>
    Effect.gen(function* () {
      const attributes = { text: "a", whole: 3, part: 0.25, yes: true, list: ["a", "b"] }
      const [trace] = tracesOf(yield* record(twoSteps))
      const root: Span = { ...trace!.root, attributes, status: "error", message: "it broke", children: [] }
      const [span] = decode(OtlpJson.encode([{ ...trace!, root }]))
      assert.deepStrictEqual<object>(span!.status, { code: 2, message: "it broke" })
      assert.deepStrictEqual<unknown>(
        span!.attributes.map(({ key, value }) => [key, value]),
        [
          ["text", { stringValue: "a" }],
          ["whole", { intValue: "3" }], // A long, as it is written in JSON.
          ["part", { doubleValue: 0.25 }],
          ["yes", { boolValue: true }],
          ["list", { arrayValue: { values: [{ stringValue: "a" }, { stringValue: "b" }] } }]
        ]
      )
    })
  )
})
