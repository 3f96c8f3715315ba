import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { call, fail, say, Script } from "../layers/model/Scripted.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import * as SessionView from "../src/loop/SessionView.ts"
import { ContextOverflow } from "../src/ModelClient.ts"
import { Storage } from "../src/Storage.ts"
import { defineTool } from "../src/tools/defineTool.ts"
import {
  converse,
  echo,
  events,
  loop,
  message,
  ofType,
  results,
  session,
  stopReason,
  types
} from "./support/agentLoop.ts"
import { toolset } from "./support/records.ts"

const count = {
  type: "object",
  properties: { count: { type: "integer", minimum: 0 } },
  required: ["count"],
  additionalProperties: false
}
const structured = (schema: { readonly [key: string]: Schema.Json } = count): Partial<SessionRecord> => ({
  output_config: { format: { type: "json_schema", schema } }
})
const answer = (input: unknown) => call("structured_output", input)
const outputs = Effect.map(ofType("agent.structured_output"), (all) => all.map(({ value }) => value))
const shown = Effect.gen(function* () {
  const agent = yield* AgentLoop
  return SessionView.make(yield* agent.snapshot, false)
})
const errors = Effect.map(ofType("session.error"), (all) => all.map(({ error }) => error))

const broken = defineTool({
  name: "broken",
  description: "Fails",
  input: Schema.Struct({}),
  run: () => Effect.fail({ message: "out of order" })
})

describe("a session whose answers have a form", () => {
  it.effect("ends its turn with the call of the final answer, repaired, and shows the value", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      assert.deepStrictEqual(yield* types, [
        "user.message",
        "session.status_running",
        "user.message",
        "span.model_request_start",
        "agent.tool_use",
        "span.model_request_end",
        "agent.tool_result",
        "agent.structured_output",
        "session.status_idle"
      ])
      assert.strictEqual(yield* stopReason, "end_turn")
      const [output] = yield* ofType("agent.structured_output")
      const [use] = yield* ofType("agent.tool_use")
      assert.deepStrictEqual([output?.value, output?.tool_use_id], [{ count: 3 }, use?.id])
      const { output_config, structured_output, usage } = yield* shown
      assert.deepStrictEqual<unknown>({ output_config }, structured())
      assert.deepStrictEqual<unknown>(structured_output, { event_id: output?.id, value: { count: 3 } })
      assert.strictEqual(usage.output_tokens, 5)
      // It is no call that the deployment ran.
      assert.strictEqual((yield* (yield* AgentLoop).snapshot).state.spent.toolCalls, 0)
    }).pipe(Effect.provide(loop([answer({ count: "3" })])))
  )

  it.effect("offers one tool more, whose parameters are the schema, and says so in the system prompt", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      const [request] = yield* Effect.flatMap(Script, ({ requests }) => requests)
      assert.deepStrictEqual(
        request?.tools.map(({ name }) => name),
        ["echo", "structured_output"]
      )
      assert.deepStrictEqual<unknown>(request?.tools.at(-1)?.parameters, count)
      assert.include(request?.system, "structured_output")
    }).pipe(Effect.provide(loop([answer({ count: 1 })])))
  )

  it.effect("is a session like any other without one", () =>
    Effect.gen(function* () {
      yield* converse("count")
      const [request] = yield* Effect.flatMap(Script, ({ requests }) => requests)
      assert.deepStrictEqual(
        request?.tools.map(({ name }) => name),
        ["echo"]
      )
      assert.notInclude(request?.system, "structured_output")
      assert.notProperty(yield* shown, "structured_output")
      assert.deepStrictEqual(yield* results, [
        { text: "there is no tool named structured_output; the tools are: echo", is_error: true }
      ])
      assert.deepStrictEqual(yield* outputs, [])
    }).pipe(Effect.provide(loop([answer({ count: 1 }), say("done")])))
  )

  it.effect("wraps a schema that is not an object's, and unwraps the value", () =>
    Effect.gen(function* () {
      yield* converse("list", structured({ type: "array", items: { type: "integer" } }))
      assert.deepStrictEqual<unknown>(yield* outputs, [[1, 2]])
    }).pipe(Effect.provide(loop([answer({ value: [1, "2"] })])))
  )

  it.effect("takes null for an answer where the schema does", () =>
    Effect.gen(function* () {
      yield* converse("list", structured({ type: ["string", "null"] }))
      assert.deepStrictEqual<unknown>((yield* shown).structured_output?.value, null)
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([answer({ value: null })])))
  )

  it.effect("tells the model what is wrong with a value, which mends it", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      assert.deepStrictEqual(yield* results, [
        {
          text: "The input does not fit:\ncount: expected a value greater than or equal to 0, got number -1",
          is_error: true
        },
        { text: "taken", is_error: false }
      ])
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 1 }])
    }).pipe(Effect.provide(loop([answer({ count: -1 }), answer({ count: 1 })])))
  )

  it.effect("gives up on a model that never gets it right, as on any call that cannot be run", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      assert.strictEqual(yield* stopReason, "retries_exhausted")
      assert.deepStrictEqual(
        (yield* errors).map(({ reason }) => reason),
        ["MalformedToolCalls"]
      )
      assert.isNull((yield* shown).structured_output)
    }).pipe(Effect.provide(loop(Array.from({ length: 8 }, () => answer({ count: "many" })))))
  )

  it.effect("runs the calls beside an answer first, and then takes it", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      assert.deepStrictEqual(
        (yield* results).map(({ text }) => text),
        ["echo b", "taken"]
      )
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 2 }])
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([[...answer({ count: 2 }), ...call("echo", { text: "b" })]])))
  )

  it.effect("does not take an answer beside which a call failed: it was written before anybody could know", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      assert.deepStrictEqual(yield* results, [
        { text: "out of order", is_error: true },
        {
          text: "not taken: broken, called beside it, failed. Look at its result, then give your final answer again.",
          is_error: true
        },
        { text: "taken", is_error: false }
      ])
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 0 }])
    }).pipe(
      Effect.provide(loop([[...call("broken", {}), ...answer({ count: 2 })], answer({ count: 0 })], [echo, broken]))
    )
  )

  it.effect("counts an answer that is held back by a call that cannot be run among the bad rounds", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      assert.strictEqual((yield* errors)[0]?.reason, "MalformedToolCalls")
      assert.deepStrictEqual(yield* outputs, [])
    }).pipe(Effect.provide(loop(Array.from({ length: 8 }, () => [...call("nothing", {}), ...answer({ count: 2 })]))))
  )

  it.effect("takes the first of several answers that fits", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 1 }])
      assert.deepStrictEqual(
        (yield* results).map(({ is_error }) => is_error),
        [true, false, true]
      )
    }).pipe(Effect.provide(loop([[...answer({ count: "no" }), ...answer({ count: 1 }), ...answer({ count: 2 })]])))
  )

  it.effect("waits for the client's result of a call beside an answer", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      const ask = { type: "custom", name: "ask", description: "Asks", input_schema: { type: "object" } } as const
      yield* converse("count", { ...structured(), agent: { ...session.agent, tools: [toolset, ask] } })
      const [idle] = yield* ofType("session.status_idle")
      const [use] = yield* ofType("agent.custom_tool_use")
      assert.deepStrictEqual<unknown>(idle?.stop_reason, { type: "requires_action", event_ids: [use?.id] })
      assert.deepStrictEqual(yield* outputs, [])
      yield* agent.send([{ type: "user.custom_tool_result", custom_tool_use_id: use!.id }])
      yield* agent.run
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 4 }])
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([[...answer({ count: 4 }), ...call("ask", {})]])))
  )

  it.effect("reminds a model that answers in text, once", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      const [reminder] = yield* ofType("session.structured_output_reminder")
      const [, second] = yield* Effect.flatMap(Script, ({ requests }) => requests)
      assert.deepStrictEqual<unknown>(second?.messages.slice(1), [
        { role: "assistant", text: "there are 3", reasoning: "", toolCalls: [] },
        { role: "user", text: reminder?.content[0]?.text }
      ])
      assert.include(reminder?.content[0]?.text, "structured_output")
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 3 }])
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([say("there are 3"), answer({ count: 3 })])))
  )

  it.effect("ends with an error that says so where the model answers in text again; the text stays", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      assert.strictEqual(yield* stopReason, "retries_exhausted")
      const [error] = yield* errors
      assert.deepStrictEqual(
        [error?.type, error?.reason, error?.retry_status.type],
        ["model_request_failed_error", "StructuredOutputMissing", "exhausted"]
      )
      assert.include(error?.message, "output_config")
      assert.deepStrictEqual(
        (yield* ofType("agent.message")).map(({ content }) => content[0]?.text),
        ["three", "I said three"]
      )
      assert.isNull((yield* shown).structured_output)
      // The next message is a new chance.
      const agent = yield* AgentLoop
      yield* agent.send([message("please")])
      yield* agent.run
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 3 }])
      assert.lengthOf(yield* ofType("session.structured_output_reminder"), 2)
    }).pipe(Effect.provide(loop([say("three"), say("I said three"), say("3"), answer({ count: 3 })])))
  )

  it.effect("lives on: a later message gives another answer, and the session shows the latest", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* converse("count", structured())
      yield* agent.send([message("again")])
      yield* agent.run
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 1 }, { count: 2 }])
      assert.deepStrictEqual<unknown>((yield* shown).structured_output?.value, { count: 2 })
      const [, second] = yield* Effect.flatMap(Script, ({ requests }) => requests)
      assert.deepStrictEqual(
        second?.messages.map(({ role }) => role),
        ["user", "assistant", "tool", "user"]
      )
    }).pipe(Effect.provide(loop([answer({ count: 1 }), answer({ count: 2 })])))
  )

  it.effect("takes no answer that is interrupted while it waits for a call beside it", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      const ask = { type: "custom", name: "ask", description: "Asks", input_schema: { type: "object" } } as const
      yield* converse("count", { ...structured(), agent: { ...session.agent, tools: [ask] } })
      yield* agent.send([{ type: "user.interrupt" }])
      yield* agent.run
      assert.deepStrictEqual(yield* outputs, [])
      assert.strictEqual(yield* stopReason, "end_turn")
      assert.deepStrictEqual(
        (yield* results).map(({ text }) => text),
        ["interrupted by the user", "interrupted by the user"]
      )
    }).pipe(Effect.provide(loop([[...answer({ count: 4 }), ...call("ask", {})]])))
  )

  it.effect("keeps its latest answer when the conversation is compacted, and is asked in the same form after it", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* converse("count", structured())
      yield* agent.send([message("again")])
      yield* agent.run
      assert.lengthOf(yield* ofType("agent.thread_context_compacted"), 1)
      assert.deepStrictEqual<unknown>(yield* outputs, [{ count: 1 }, { count: 2 }])
    }).pipe(
      Effect.provide(
        loop([answer({ count: 1 }), fail(new ContextOverflow({ detail: "full" })), say("so far"), answer({ count: 2 })])
      )
    )
  )

  it.effect("is the fold of its log, whatever is read from it", () =>
    Effect.gen(function* () {
      yield* converse("count", structured())
      const log = yield* events
      const storage = yield* Storage
      const kept = yield* storage.events({ limit: 10, order: "asc", types: ["agent.structured_output"] })
      assert.deepStrictEqual(
        kept.map(({ event }) => event),
        log.filter(({ type }) => type === "agent.structured_output")
      )
    }).pipe(Effect.provide(loop([answer({ count: 1 })])))
  )
})
