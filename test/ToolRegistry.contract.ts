import assert from "node:assert/strict"
import { Effect, Schema } from "effect"
import { ToolName } from "../src/domain/Agent.ts"
import { EventId, SessionId } from "../src/domain/Ids.ts"
import { ToolRegistry } from "../src/ToolRegistry.ts"
import type { Contract } from "./support/contract.ts"

const sessionId = SessionId.make("sesn_1")
const id = EventId.make("sevt_1")

const keywords = (schema: unknown): ReadonlyArray<string> =>
  typeof schema === "object" && schema !== null
    ? Object.entries(schema).flatMap(([key, value]) => [key, ...keywords(value)])
    : []

/** Holds for any tools, as long as one of them is available. */
export const contract: Contract<ToolRegistry> = {
  "lists tools under names that a model can call, once each": Effect.gen(function* () {
    const names = (yield* ToolRegistry).list.map((tool) => tool.name)
    assert.ok(names.length > 0)
    assert.equal(new Set(names).size, names.length)
    assert.deepEqual(
      names.filter((name) => !Schema.is(ToolName)(name)),
      []
    )
  }),
  "shows input as plain JSON Schema of an object": Effect.gen(function* () {
    for (const { input_schema } of (yield* ToolRegistry).list) {
      assert.equal(input_schema.type, "object")
      assert.equal(input_schema.additionalProperties, false)
      const found = keywords(input_schema).filter((key) => key.startsWith("$"))
      assert.deepEqual(found, [])
    }
  }),
  "gives a reason for a tool that is not available, and for no other": Effect.gen(function* () {
    for (const { available, reason } of (yield* ToolRegistry).list) assert.equal(available, reason === null)
  }),
  "answers an unknown tool with an error that names the available ones": Effect.gen(function* () {
    const registry = yield* ToolRegistry
    const result = yield* registry.call(sessionId, { id, name: "no_such_tool", input: {} })
    assert.equal(result.isError, true)
    for (const { available, name } of registry.list) if (available) assert.ok(result.text.includes(name), name)
    assert.equal(registry.isReplaySafe("no_such_tool"), false)
  }),
  "answers input that does not fit with an error that names the field": Effect.gen(function* () {
    const registry = yield* ToolRegistry
    for (const { available, name, reason } of registry.list) {
      const result = yield* registry.call(sessionId, { id, name, input: { no_such_field: 1 } })
      assert.equal(result.isError, true)
      assert.ok(result.text.includes(available ? "no_such_field" : String(reason)), result.text)
    }
  }),
  "answers calls that run side by side, each its own": Effect.gen(function* () {
    const registry = yield* ToolRegistry
    const names = Array.from({ length: 20 }, (_, index) => `no_such_tool_${index}`)
    const results = yield* Effect.forEach(names, (name) => registry.call(sessionId, { id, name, input: {} }), {
      concurrency: "unbounded"
    })
    for (const [index, { text }] of results.entries()) assert.ok(text.includes(`"${names[index]}"`), text)
  })
}
