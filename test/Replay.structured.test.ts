import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { call, layer as scripted, say, type Turn } from "../layers/model/Scripted.ts"
import { replay } from "../layers/replay.ts"
import { agentLoop } from "../layers/test.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import * as Export from "../src/trace/Export.ts"
import { converse, echo, session } from "./support/agentLoop.ts"
import { exported } from "./support/replayed.ts"
import { all, tracesOf } from "./support/traces.ts"

/** Sessions whose answers have a form: what their exports hold, and that a replay compares all of it. */

const form = (minimum: number): Pick<SessionRecord, "output_config"> => {
  const schema = { type: "object", properties: { text: { type: "string" }, count: { type: "integer", minimum } } }
  return { output_config: { format: { type: "json_schema", schema } } }
}

const answer = (input: unknown) => call("structured_output", input)

const record = (turns: ReadonlyArray<Turn>) =>
  Effect.andThen(converse("count", form(0)), exported).pipe(
    Effect.provide(agentLoop({ id: session.id, model: scripted(turns), tools: [echo] }))
  )

/** It answers in text, is reminded, and gives an answer, which fits once it is repaired, beside another one. */
const reminded = Effect.flatMap(record([say("3"), [...answer({ count: "3" }), ...answer({ count: 4 })]]), Export.parse)

const changed = (recorded: Export.SessionExport, type: string, change: object): Export.SessionExport => ({
  ...recorded,
  entries: recorded.entries.map((entry) => ({
    ...entry,
    event: { ...entry.event, ...(entry.event.type === type ? change : {}) } as typeof entry.event
  }))
})

describe("an export of a session whose answers have a form", () => {
  it.effect("holds the form, and what the model was shown of it", () =>
    Effect.gen(function* () {
      const { entries, session: recorded } = yield* reminded
      assert.deepStrictEqual(recorded.output_config, form(0).output_config)
      const shown = entries.flatMap(({ request }) => request ?? [])
      assert.lengthOf(shown, 2)
      assert.include(shown[0]!.system, "structured_output")
      assert.include(JSON.stringify(shown[1]!.messages), "You answered in text")
    })
  )

  it.effect("is refused where its form cannot be used, with the field", () =>
    Effect.gen(function* () {
      const file = (yield* record([answer({ count: 1 })])).replace('"minimum":0', '"minimum":0,"not":{"type":"string"}')
      assert.match((yield* Effect.flip(Export.parse(file))).message, /: session\.output_config\.format\.schema\S*: /)
    })
  )
})

describe("a replay of a session whose answers have a form", () => {
  it.effect("logs the reminder and the final answer again", () =>
    Effect.gen(function* () {
      const recorded = yield* reminded
      assert.strictEqual(yield* replay(recorded), recorded.entries.length)
    })
  )

  it.effect("names another value, another reminder and another text of a result", () =>
    Effect.gen(function* () {
      const recorded = yield* reminded
      const value = yield* Effect.flip(replay(changed(recorded, "agent.structured_output", { value: { count: 4 } })))
      assert.deepInclude(value, { reason: "event", step: 2, recorded: "agent.structured_output" })
      assert.deepStrictEqual(value.differences, [{ path: "value.count", recorded: "4", replayed: "3" }])
      const other = [{ type: "text", text: "please" }]
      const reminder = yield* Effect.flip(
        replay(changed(recorded, "session.structured_output_reminder", { content: other }))
      )
      assert.deepInclude(reminder, { reason: "event", step: 1, recorded: "session.structured_output_reminder" })
      const result = yield* Effect.flip(replay(changed(recorded, "agent.tool_result", { content: other })))
      assert.deepInclude(result, { reason: "event", step: 2, recorded: "agent.tool_result" })
    })
  )

  it.effect("names a call that was another one's answer", () =>
    Effect.gen(function* () {
      const recorded = yield* reminded
      const [, second] = recorded.entries.flatMap(({ event }) => (event.type === "agent.tool_use" ? [event.id] : []))
      const other = yield* Effect.flip(replay(changed(recorded, "agent.structured_output", { tool_use_id: second })))
      assert.strictEqual(other.differences[0]!.path, "tool_use_id")
    })
  )

  it.effect("in another form asks the model something else", () =>
    Effect.gen(function* () {
      const recorded = yield* reminded
      const other = yield* Effect.flip(replay({ ...recorded, session: { ...recorded.session, ...form(1) } }))
      assert.deepInclude(other, { reason: "prompt", step: 1 })
    })
  )

  it.effect("has the input of an answer that was too long to be kept as it was written, and did not fit", () =>
    Effect.gen(function* () {
      const text = "x".repeat(100_000)
      const file = yield* record([
        [{ type: "tool_call", name: "structured_output", arguments: `{"text":"${text}","count":-1,}` }],
        answer({ count: 1 })
      ])
      const recorded = yield* Export.parse(file)
      assert.strictEqual(yield* replay(recorded), recorded.entries.length)
    })
  )
})

it.effect("a trace says that the loop itself took the answer", () =>
  Effect.gen(function* () {
    const [trace] = tracesOf(yield* reminded)
    const [taken, other] = all(trace!.root).filter(({ name }) => name === "execute_tool structured_output")
    assert.strictEqual(taken!.attributes["ownloop.tool.runner"], "loop")
    assert.deepStrictEqual([taken!.status, other!.status], ["unset", "error"])
  })
)
