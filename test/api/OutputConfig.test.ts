import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Agent } from "../../src/domain/Agent.ts"
import type { Environment } from "../../src/domain/Environment.ts"
import type { Session } from "../../src/domain/Session.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

const prepared = Effect.gen(function* () {
  const api = yield* TestApi.make()
  const { body: agent } = yield* api.post<Agent>("/v1/agents", { name: "Counter", model: "demo" })
  const { body: environment } = yield* api.post<Environment>("/v1/environments", { name: "dev" })
  const post = (output_config: unknown, fields: object = {}) =>
    api.post<Session>("/v1/sessions", { agent: agent.id, environment_id: environment.id, output_config, ...fields })
  return { api, agent, post }
})

const format = (schema: unknown) => ({ format: { type: "json_schema", schema } })

describe("output_config of a new session", () => {
  it.effect("is kept as it was sent", () =>
    Effect.gen(function* () {
      const { api, post } = yield* prepared
      const config = format({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        title: "Report",
        type: "object",
        properties: {
          mail: { type: "string", format: "email", default: "a@b.c" },
          kind: { enum: ["a", 1, null] },
          parts: { type: "array", prefixItems: [{ type: "integer" }], items: { $ref: "#/$defs/Part" } }
        },
        $defs: { Part: { anyOf: [{ type: "null" }, true] } }
      })
      const { body } = yield* post(config)
      assert.deepEqual<unknown>(body.output_config, config)
      assert.deepEqual<unknown>(api.sessions.sessions.get(body.id)?.record.output_config, config)
    })
  )

  it.effect("may be absent, null or without a format: then answers are text", () =>
    Effect.gen(function* () {
      const { post } = yield* prepared
      for (const config of [undefined, null, {}, { format: null, effort: null }]) {
        const { body, status } = yield* post(config)
        assert.strictEqual(status, 200)
        assert.notProperty(body, "output_config")
      }
    })
  )

  const at = "output_config.format.schema"
  const property = (schema: unknown) => format({ type: "object", properties: { a: schema } })
  let deep: object = {}
  for (let level = 0; level < 200; level++) deep = { items: deep }
  const refusals: ReadonlyArray<readonly [string, unknown, string]> = [
    ["no object", "json", "output_config: expected object"],
    ["another format", { format: { type: "text" } }, "output_config.format: expected the type json_schema"],
    ["no schema", { format: { type: "json_schema" } }, `${at}: is required`],
    ["a schema that is none", format([]), `${at}: expected `],
    ["what else the Messages API has there", { effort: "high" }, "output_config.effort: is not supported yet"],
    ["a type that is none", property({ type: "strng" }), `${at}.properties.a.type: `],
    [
      "properties that are none",
      format({ type: "object", properties: { a: 3 } }),
      `${at}.properties.a: expected boolean | object`
    ],
    ["a keyword in a wrong form", property({ type: "string", minLength: -1 }), `${at}.properties.a.minLength: `],
    [
      "a keyword of an older draft",
      property({ type: "array", items: [{}] }),
      `${at}.properties.a.items: expected boolean | object`
    ],
    [
      "a keyword that cannot be checked",
      property({ not: { type: "string" } }),
      `${at}.properties.a.not: is not supported`
    ],
    ["a reference to nothing", property({ $ref: "#/$defs/B" }), `${at}.properties.a.$ref: Missing definition "B"`],
    ["a pattern that is none", property({ type: "string", pattern: "(" }), `${at}.properties.a.pattern: `],
    ["too long a schema", property({ description: "x".repeat(100_000) }), `${at}: is longer than 100000 characters`],
    ["too deep a schema", format(deep), `${at}: is nested more than 100 levels deep`]
  ]
  for (const [what, config, problem] of refusals) {
    it.effect(`is refused with the place of what is wrong: ${what}`, () =>
      Effect.gen(function* () {
        const { post } = yield* prepared
        const error = errorOf(yield* post(config))
        assert.isTrue(error.startsWith(`400 invalid_request_error: ${problem}`), error)
      })
    )
  }

  it.effect("is refused where the agent has a tool of the name that takes the answer", () =>
    Effect.gen(function* () {
      const { api, agent, post } = yield* prepared
      const tool = { type: "custom", name: "structured_output", description: "Mine", input_schema: { type: "object" } }
      yield* api.post(`/v1/agents/${agent.id}`, { tools: [{ type: "agent_toolset_20260401" }, tool] })
      assert.strictEqual((yield* post(null)).status, 200)
      assert.strictEqual(
        errorOf(yield* post(format({ type: "object" }))),
        "400 invalid_request_error: output_config: agent.tools[1].name is structured_output, the name of the tool through which the answer is given; rename it"
      )
    })
  )

  it.effect("is fixed: an update that holds one is refused", () =>
    Effect.gen(function* () {
      const { api, post } = yield* prepared
      const { body } = yield* post(format({ type: "object" }))
      assert.strictEqual(
        errorOf(yield* api.post(`/v1/sessions/${body.id}`, { output_config: format({ type: "array" }) })),
        "400 invalid_request_error: output_config: is fixed when a session is created"
      )
    })
  )
})
