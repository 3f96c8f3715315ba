import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { call, layer as scripted, say } from "../layers/model/Scripted.ts"
import { replay } from "../layers/replay.ts"
import * as Memory from "../layers/storage/Memory.ts"
import type { ClientEvent, SessionEvent } from "../src/domain/Event.ts"
import { PolicyId } from "../src/domain/Ids.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import { CurrentToolUse, type EgressQuestion } from "../src/EgressPolicy.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { Storage } from "../src/Storage.ts"
import * as Export from "../src/trace/Export.ts"
import { defineTool } from "../src/tools/defineTool.ts"
import { converse, events, message, ofType, replayable, results, session, stopReason } from "./support/agentLoop.ts"
import { toolset } from "./support/records.ts"
import { exported } from "./support/replayed.ts"

/** Requests that wait for a person, as the loop sees them: a tool asks what the gateway would ask on its behalf. */

const target = { method: "GET", scheme: "https", host: "a.example", port: 443 } as const
const rule = { policy_id: PolicyId.make("pol_1"), policy_version: "v1", rule: "rules[0]" }
const question = (path: string, tool_use_id: EgressQuestion["tool_use_id"]): EgressQuestion => ({
  ...target,
  ...rule,
  path,
  tool_use_id
})

/** The loop that the tool below belongs to. */
let agent: AgentLoop["Service"]

const send = defineTool({
  name: "send",
  description: "Sends something",
  input: Schema.Struct({ paths: Schema.Array(Schema.String) }),
  run: Effect.fnUntraced(function* ({ paths }) {
    const toolUse = yield* CurrentToolUse
    const answers = yield* Effect.forEach(paths, (path) => agent.approveEgress(question(path, toolUse)))
    return answers.join(" ")
  })
})

const sends = (...paths: ReadonlyArray<string>) => call("send", { paths })

const loop = (turns: Parameters<typeof scripted>[0]) => replayable({ model: scripted(turns), tools: [send] })

const startWith = Effect.fnUntraced(function* (fields: Partial<SessionRecord>) {
  agent = yield* AgentLoop
  yield* converse("go", fields)
})
const start = startWith({})

const asks = Effect.map(ofType("agent.tool_use"), (uses) => uses.filter(({ egress }) => egress !== undefined))

const answer = Effect.fnUntraced(function* (
  place: number,
  result: "allow" | "deny",
  fields: Partial<Extract<ClientEvent, { type: "user.tool_confirmation" }>> = {}
) {
  const { id } = (yield* asks)[place]!
  yield* agent.send([{ type: "user.tool_confirmation", tool_use_id: id, result, ...fields }])
  yield* agent.run
})

/** What the model reads of its calls. */
const read = Effect.gen(function* () {
  const { state } = yield* agent.snapshot
  return state.messages.flatMap((message) => (message.role === "tool" ? [message.text] : []))
})

describe("a request that waits for a person", () => {
  it.effect("pauses the session once its tool is done, as a call that asks does; allowed, it may be sent once", () =>
    Effect.gen(function* () {
      yield* start
      assert.strictEqual(yield* stopReason, "requires_action")
      const [use] = yield* ofType("agent.tool_use")
      const [ask] = yield* asks
      assert.deepInclude(ask, {
        name: "egress_request",
        input: { method: "GET", url: "https://a.example/x" },
        evaluated_permission: "ask"
      })
      assert.strictEqual(ask?.egress?.tool_use_id, use?.id)
      assert.deepStrictEqual((yield* ofType("session.status_idle")).at(-1)?.stop_reason, {
        type: "requires_action",
        event_ids: [ask!.id]
      })
      yield* answer(0, "allow")
      assert.strictEqual(yield* stopReason, "end_turn")
      assert.deepStrictEqual(yield* read, ["asked\n[GET https://a.example/x is allowed now: send it again]", "once"])
      const used = yield* ofType("span.egress_approval_used")
      assert.deepStrictEqual(
        used.map(({ approval_id }) => approval_id),
        [ask!.id]
      )
    }).pipe(Effect.provide(loop([sends("/x"), sends("/x"), say("done")])))
  )

  it.effect("is asked again once its approval is used up, and not while it is asked already", () =>
    Effect.gen(function* () {
      yield* start
      assert.lengthOf(yield* asks, 1)
      yield* answer(0, "allow")
      assert.deepStrictEqual((yield* results)[2]?.text, "once asked asked")
      assert.lengthOf(yield* asks, 2)
      assert.strictEqual(yield* stopReason, "requires_action")
    }).pipe(Effect.provide(loop([sends("/x", "/x"), sends("/x", "/x", "/x"), say("done")])))
  )

  it.effect("allowed for the session it passes in later turns too; another path does not", () =>
    Effect.gen(function* () {
      yield* start
      yield* answer(0, "allow", { scope: "session" })
      yield* agent.send([message("again")])
      yield* agent.run
      assert.deepStrictEqual((yield* results).at(-1)?.text, "session session asked")
    }).pipe(Effect.provide(loop([sends("/x"), say("done"), sends("/x", "/x", "/y"), say("done")])))
  )

  it.effect("an approval for one request holds no longer than the turn", () =>
    Effect.gen(function* () {
      yield* start
      yield* answer(0, "allow")
      yield* agent.send([message("again")])
      yield* agent.run
      assert.deepStrictEqual((yield* results).at(-1)?.text, "asked")
    }).pipe(Effect.provide(loop([sends("/x"), say("done"), sends("/x"), say("done")])))
  )

  it.effect("denied, the model reads why, and nobody is asked again in this turn", () =>
    Effect.gen(function* () {
      yield* start
      yield* answer(0, "deny", { deny_message: "not that host" })
      assert.deepStrictEqual(yield* read, ["asked\n[GET https://a.example/x is not allowed: not that host]", "denied"])
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([sends("/x"), sends("/x"), say("done")])))
  )

  it.effect("several are answered one by one; the rest is asked for again", () =>
    Effect.gen(function* () {
      yield* start
      yield* answer(1, "deny")
      const [first] = yield* asks
      assert.deepStrictEqual((yield* ofType("session.status_idle")).at(-1)?.stop_reason, {
        type: "requires_action",
        event_ids: [first!.id]
      })
      yield* answer(0, "allow")
      assert.deepStrictEqual(
        (yield* read)[0],
        "asked asked\n[GET https://a.example/x is allowed now: send it again]\n[GET https://a.example/y is not allowed: the user did not allow this]"
      )
    }).pipe(Effect.provide(loop([sends("/x", "/y"), say("done")])))
  )

  it.effect("is blocked when nobody answers in time, and an answer that comes later counts for nothing", () =>
    Effect.gen(function* () {
      yield* start
      const waiting = yield* agent.next
      assert.deepInclude(waiting, { type: "rest", until: 24 * 60 * 60 * 1000 })
      yield* TestClock.adjust("24 hours")
      assert.strictEqual((yield* agent.next).type, "resume")
      yield* agent.run
      assert.deepStrictEqual((yield* read)[0], "asked\n[GET https://a.example/x: nobody allowed it in time]")
      const late = yield* Effect.flip(answer(0, "allow"))
      assert.strictEqual(late._tag, "SessionConflict")
      assert.deepStrictEqual((yield* agent.snapshot).state.approvals, [])
    }).pipe(Effect.provide(loop([sends("/x"), say("done")])))
  )

  it.effect("an answer after its time, before the session noticed, is a denial", () =>
    Effect.gen(function* () {
      yield* start
      yield* TestClock.adjust("25 hours")
      yield* answer(0, "allow")
      assert.deepStrictEqual(
        (yield* read)[0],
        "asked\n[GET https://a.example/x is not allowed: the answer came too late]"
      )
    }).pipe(Effect.provide(loop([sends("/x"), say("done")])))
  )

  it.effect("an interrupt ends the wait as a block", () =>
    Effect.gen(function* () {
      yield* start
      yield* agent.send([{ type: "user.interrupt" }])
      yield* agent.run
      assert.strictEqual(yield* stopReason, "end_turn")
      assert.deepStrictEqual((yield* read)[0], "asked\n[interrupted by the user]")
      const refused = yield* Effect.flip(answer(0, "allow"))
      assert.strictEqual(refused._tag, "SessionConflict")
      assert.strictEqual(yield* agent.approveEgress(question("/x", null)), "unasked")
    }).pipe(Effect.provide(loop([sends("/x"), say("done")])))
  )

  it.effect("nobody is asked outside of a call that runs", () =>
    Effect.gen(function* () {
      yield* start
      const [use] = yield* ofType("agent.tool_use")
      assert.strictEqual(yield* agent.approveEgress(question("/x", use!.id)), "unasked")
      assert.strictEqual(yield* agent.approveEgress(question("/x", null)), "unasked")
      assert.lengthOf(yield* asks, 0)
    }).pipe(Effect.provide(loop([sends(), say("done")])))
  )

  it.effect("a final answer that was written beside it is not taken: the request was not sent", () =>
    Effect.gen(function* () {
      yield* startWith({ output_config: { format: { type: "json_schema", schema: { type: "object" } } } })
      // Who can still be asked is asked first.
      assert.strictEqual(yield* stopReason, "requires_action")
      yield* answer(0, "allow")
      const [asked, , notTaken, sent] = yield* results
      assert.deepStrictEqual([asked?.text, sent?.text], ["asked", "once"])
      assert.match(notTaken?.text ?? "", /^not taken: send, called beside it, failed/)
      const answers = yield* ofType("agent.structured_output")
      assert.deepStrictEqual(
        answers.map(({ value }) => value),
        [{ count: 2 }]
      )
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(
      Effect.provide(
        loop([
          [...sends("/x"), ...call("structured_output", { count: 1 })],
          sends("/x"),
          call("structured_output", { count: 2 })
        ])
      )
    )
  )

  it.effect("scope is for such requests only", () =>
    Effect.gen(function* () {
      agent = yield* AgentLoop
      const policy = { enabled: true, permission_policy: { type: "always_ask" } } as const
      yield* converse("go", { agent: { ...session.agent, tools: [{ ...toolset, default_config: policy }] } })
      const [use] = yield* ofType("agent.tool_use")
      const confirmation = { type: "user.tool_confirmation", tool_use_id: use!.id, result: "allow" } as const
      const refused = yield* Effect.flip(agent.send([{ ...confirmation, scope: "session" }]))
      assert.include(refused.message, "scope goes with outbound requests only")
      yield* agent.send([confirmation])
    }).pipe(Effect.provide(loop([sends(), say("done")])))
  )

  it.effect("a policy that is gone cannot allow for ever: the session is allowed, and the model reads why", () =>
    Effect.gen(function* () {
      yield* start
      yield* answer(0, "allow", { scope: "always" })
      assert.include((yield* read)[0], "could not be allowed for ever by the policy pol_1: it is archived")
      assert.strictEqual((yield* read)[1], "session")
    }).pipe(Effect.provide(loop([sends("/x"), sends("/x"), say("done")])))
  )
})

it.effect("a replay says where a request that waited went another way", () =>
  Effect.gen(function* () {
    yield* start
    yield* answer(0, "allow")
    const recorded = yield* Export.parse(yield* exported)
    const changed = (change: (event: SessionEvent) => SessionEvent) =>
      Effect.flip(
        replay({ ...recorded, entries: recorded.entries.map((entry) => ({ ...entry, event: change(entry.event) })) })
      )
    const place = (is: (event: SessionEvent) => boolean) => recorded.entries.findIndex(({ event }) => is(event)) + 1

    const denied = yield* changed((event) =>
      event.type === "user.tool_confirmation" ? { ...event, result: "deny" } : event
    )
    assert.deepInclude(denied, {
      reason: "event",
      seq: place((event) => event.type === "agent.tool_result" && event.tool_use_id === askId(recorded)),
      recorded: "agent.tool_result"
    })
    const other = yield* changed((event) =>
      event.type === "agent.tool_use" && event.egress !== undefined
        ? { ...event, egress: { ...event.egress, host: "b.example" } }
        : event
    )
    assert.deepInclude(other, { reason: "tool_input", seq: place(({ id }) => id === askId(recorded)) })
    assert.include(other.message, "b.example")
  }).pipe(Effect.provide(loop([sends("/x"), sends("/x"), say("done")])))
)

const askId = ({ entries }: Export.SessionExport) =>
  entries.find(({ event }) => event.type === "agent.tool_use" && event.egress !== undefined)?.event.id

it.effect("after a crash nothing is allowed that was not, and a used approval stays used", () =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const withLoop = <A, E>(program: Effect.Effect<A, E, AgentLoop | Storage>, turns: Parameters<typeof scripted>[0]) =>
      Effect.provide(
        program,
        Layer.fresh(
          replayable({
            model: scripted(turns),
            tools: [send],
            storage: Layer.succeed(Storage, storage)
          })
        )
      )
    yield* withLoop(start, [sends("/x", "/y"), say("done")])
    // Another process reads the log: what was asked waits still.
    yield* withLoop(
      Effect.gen(function* () {
        agent = yield* AgentLoop
        yield* agent.run
        assert.deepStrictEqual((yield* agent.snapshot).state.approvals, [])
        assert.strictEqual(yield* stopReason, "requires_action")
        const [first] = yield* asks
        yield* agent.send([{ type: "user.tool_confirmation", tool_use_id: first!.id, result: "allow" }])
        assert.strictEqual(yield* agent.approveEgress(question("/x", null)), "once")
      }),
      []
    )
    yield* withLoop(
      Effect.gen(function* () {
        agent = yield* AgentLoop
        const replies = yield* Effect.forEach(["/x", "/y", "/z"], (path) => agent.approveEgress(question(path, null)))
        assert.deepStrictEqual(replies, ["unasked", "unasked", "unasked"])
        const all: ReadonlyArray<SessionEvent> = yield* events
        assert.lengthOf(
          all.filter(({ type }) => type === "span.egress_approval_used"),
          1
        )
      }),
      []
    )
  }).pipe(Effect.provide(Memory.storage))
)
