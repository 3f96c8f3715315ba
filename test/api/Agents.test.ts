import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Catalog } from "../../src/Catalog.ts"
import type { Agent } from "../../src/domain/Agent.ts"
import { agent as agentRecord } from "../support/records.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

const create = (api: TestApi.TestApi, fields: object = {}) =>
  Effect.map(api.post<Agent>("/v1/agents", { name: "Counter", model: "demo", ...fields }), ({ body }) => body)

const allow = { type: "always_allow" } as const
const ask = { type: "always_ask" } as const

const toolset = (fields: object) => ({ tools: [{ type: "agent_toolset_20260401", ...fields }] })
const custom = (name: string) => ({ type: "custom", name, description: "d", input_schema: { type: "object" } })
const pairs = (from: number, to: number) =>
  Object.fromEntries(Array.from({ length: to - from }, (_, index) => [`k${from + index}`, "v"]))

/** A catalog in which another update of agent 1 comes first, so many times. */
const racing = (lost: number) => {
  const state = { left: lost, version: 1 }
  return Layer.mock(Catalog, {
    agent: () => Effect.sync(() => Option.some(agentRecord("1", { version: state.version }))),
    addAgentVersion: () =>
      Effect.sync(() => {
        if (state.left === 0) return true
        state.left--
        state.version++
        return false
      })
  })
}

describe("POST /v1/agents", () => {
  it.effect("makes version 1, with what was left out", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id, created_at, ...agent } = yield* create(api, { metadata: { team: "a" } })
      assert.match(id, /^agent_[0-9A-Z]{26}$/)
      assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.deepStrictEqual(agent, {
        type: "agent",
        version: 1,
        name: "Counter",
        description: null,
        model: { id: "demo" },
        system: null,
        tools: [],
        mcp_servers: [],
        skills: [],
        multiagent: null,
        execution_identity: { type: "service_account" },
        metadata: { team: "a" },
        updated_at: created_at,
        archived_at: null
      })
    })
  )

  it.effect("takes a model that names no provider for the deployment's default", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      for (const model of ["default", "some-hosted-model", { id: "some-hosted-model" }]) {
        assert.deepStrictEqual((yield* create(api, { model })).model, { id: "local/default" })
      }
    })
  )

  it.effect("takes a model as a name or as an object", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const glm = { id: "@cf/zai-org/glm-5.2" }
      assert.deepStrictEqual((yield* create(api, { model: glm.id })).model, glm)
      assert.deepStrictEqual((yield* create(api, { model: { ...glm, speed: "standard", effort: null } })).model, glm)
    })
  )

  it.effect("takes an effort that the model knows, as a word or as an object, and shows it as an object", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const model = { id: "@cf/zai-org/glm-5.2", effort: { type: "high" } } as const
      assert.deepEqual<unknown>((yield* create(api, { model })).model, model)
      assert.deepEqual<unknown>((yield* create(api, { model: { ...model, effort: "high" } })).model, model)
    })
  )

  it.effect("fills in the toolset: a tool inherits what it does not say", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const created = (fields: object) => Effect.map(create(api, toolset(fields)), ({ tools }) => tools[0])

      assert.deepEqual(yield* created({}), {
        type: "agent_toolset_20260401",
        default_config: { enabled: true, permission_policy: allow },
        configs: []
      })
      assert.deepEqual(yield* created({ default_config: null, configs: [{ name: "bash", permission_policy: ask }] }), {
        type: "agent_toolset_20260401",
        default_config: { enabled: true, permission_policy: allow },
        configs: [{ name: "bash", enabled: true, permission_policy: ask }]
      })
      assert.deepEqual(
        yield* created({
          default_config: { enabled: false, permission_policy: ask },
          configs: [
            { type: "bash", name: "bash", enabled: null, permission_policy: null },
            { name: "read", enabled: true, permission_policy: allow },
            { name: "web_search", allowed_domains: [] }
          ]
        }),
        {
          type: "agent_toolset_20260401",
          default_config: { enabled: false, permission_policy: ask },
          configs: [
            { name: "bash", enabled: false, permission_policy: ask },
            { name: "read", enabled: true, permission_policy: allow },
            { name: "web_search", enabled: false, permission_policy: ask }
          ]
        }
      )
    })
  )

  it.effect("keeps a custom tool's schema as it is", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const tool = {
        type: "custom",
        name: "get_weather",
        description: "The weather.",
        input_schema: { type: "object", properties: { city: { type: "string", enum: ["Bern"] } }, required: ["city"] }
      } as const
      assert.deepEqual((yield* create(api, { tools: [tool] })).tools, [tool])
    })
  )

  it.effect.each<[fields: object, problem: string]>([
    [{ name: "" }, "name: expected a value with a length of at least 1"],
    [{ name: "x".repeat(257) }, "name: expected a value with a length of at most 256"],
    [{ model: "" }, "model: expected a value with a length of at least 1"],
    [
      { model: { id: "demo", effort: "high" } },
      "model.effort: demo does not know high: it knows no level; null leaves it as it usually is"
    ],
    [
      { model: { id: "@cf/zai-org/glm-5.3", effort: { type: "none" } } },
      "model.effort: @cf/zai-org/glm-5.3 does not know none: it knows max, high, low; null leaves it as it usually is"
    ],
    [
      { model: { id: "demo", effort: "huge" } },
      'model.effort: expected "none" | "low" | "medium" | "high" | "xhigh" | "max", got string'
    ],
    [{ system: "x".repeat(100_001) }, "system: expected a value with a length of at most 100000"],
    [{ metadata: pairs(0, 17) }, "metadata: expected a value with at most 16 entries"],
    [{ metadata: { ["k".repeat(65)]: "v" } }, "metadata: has a key of more than 64 characters"],
    [{ metadata: { k: "v".repeat(513) } }, "metadata.k: expected a value with a length of at most 512"],
    [{ metadata: { k: 1 } }, "metadata.k: expected string, got number"],
    [{ mcp_servers: [{ type: "url", name: "a", url: "https://a" }] }, "mcp_servers: is not supported yet"],
    [{ skills: [{ type: "custom", skill_id: "s" }] }, "skills: is not supported yet"],
    [{ multiagent: { type: "coordinator", agents: [] } }, "multiagent: is not supported yet"],
    [{ execution_identity: { type: "aws_role", role_arn: "r" } }, "execution_identity: aws_role is not supported yet"],
    [{ tools: [{ type: "mcp_toolset", mcp_server_name: "a" }] }, "tools[0]: mcp_toolset is not supported yet"],
    [{ tools: [{ type: "other" }] }, "tools[0]: expected the type agent_toolset_20260401 or custom"],
    [
      { tools: Array.from({ length: 257 }, (_, index) => custom(`t${index}`)) },
      "tools: expected a value with a length of at most 256"
    ],
    [{ tools: [custom("a b")] }, "tools[0].name: expected a string matching the RegExp ^[A-Za-z0-9_-]{1,128}$"],
    [{ tools: [custom("a"), custom("a")] }, "tools[1].name: another tool is named a"],
    [{ tools: [custom("read")] }, "tools[0].name: read is a tool of this deployment"],
    [
      { tools: [{ ...custom("a"), input_schema: { type: "string" } }] },
      'tools[0].input_schema.type: expected "object", got string'
    ],
    [{ tools: [{ ...custom("a"), description: "d".repeat(600_000) }] }, "tools: is longer than 600000 characters"],
    [
      { tools: [{ type: "agent_toolset_20260401" }, { type: "agent_toolset_20260401" }] },
      "tools[1].type: the toolset agent_toolset_20260401 is given twice"
    ],
    [
      toolset({ configs: [{ name: "bash" }, { name: "shell" }] }),
      "tools[0].configs[1].name: there is no tool shell; there are bash, read, web_fetch, call_vpc, web_search"
    ],
    [toolset({ configs: [{ name: "bash" }, { name: "bash" }] }), "tools[0].configs[1].name: bash is configured twice"],
    [
      toolset({ configs: [{ name: "web_fetch", allowed_domains: ["a.example"] }] }),
      "tools[0].configs[0].allowed_domains: is not supported yet"
    ],
    [
      toolset({ default_config: { permission_policy: { type: "auto" } } }),
      "tools[0].default_config.permission_policy: auto is not supported yet"
    ],
    [
      toolset({ default_config: { permission_policy: { type: "never" } } }),
      "tools[0].default_config.permission_policy: expected the type always_allow or always_ask"
    ]
  ])("refuses %j", ([fields, problem]) =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const answer = yield* api.post("/v1/agents", { name: "Counter", model: "demo", ...fields })
      assert.strictEqual(errorOf(answer), `400 invalid_request_error: ${problem}`)
    })
  )
})

describe("POST /v1/agents/{id}", () => {
  it.effect("makes the next version: what is given is replaced, null clears, the rest stays", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const first = yield* create(api, {
        description: "d",
        system: "s",
        tools: [{ type: "agent_toolset_20260401" }],
        metadata: { a: "1", b: "2" }
      })
      const { body: second } = yield* api.post<Agent>(`/v1/agents/${first.id}`, {
        name: "Renamed",
        system: null,
        tools: [],
        metadata: { a: null, c: "3" }
      })
      assert.deepEqual(second, {
        ...first,
        version: 2,
        name: "Renamed",
        system: null,
        tools: [],
        metadata: { b: "2", c: "3" },
        updated_at: second.updated_at
      })
      const { body: third } = yield* api.post<Agent>(`/v1/agents/${first.id}`, { description: "", model: "other/m" })
      assert.deepEqual(third, {
        ...second,
        version: 3,
        description: null,
        model: { id: "other/m" },
        updated_at: third.updated_at
      })
    })
  )

  it.effect("answers the same version where nothing changes", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const agent = yield* create(api, { tools: [{ type: "agent_toolset_20260401" }], metadata: { a: "1" } })
      const same = { name: agent.name, tools: [{ type: "agent_toolset_20260401" }], metadata: { a: "1", b: null } }
      assert.deepEqual((yield* api.post(`/v1/agents/${agent.id}`, same)).body, agent)
      assert.deepEqual((yield* api.post(`/v1/agents/${agent.id}`, {})).body, agent)
    })
  )

  it.effect("is a conflict where another version is there than the client has seen", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api)
      assert.strictEqual((yield* api.post(`/v1/agents/${id}`, { name: "B", version: 1 })).status, 200)
      const late = yield* api.post(`/v1/agents/${id}`, { name: "C", version: 1 })
      assert.strictEqual(errorOf(late), `409 invalid_request_error: version: agent ${id} is at version 2, not 1`)
      assert.strictEqual(late.headers.get("x-should-retry"), "false")
    })
  )

  it.effect("keeps the effort where the model is given without one, if that knows it, and null clears it", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api, { model: { id: "@cf/zai-org/glm-5.2", effort: "max" } })
      const change = (model: unknown) => api.post<Agent>(`/v1/agents/${id}`, { model })
      const kept = { id: "@cf/zai-org/glm-5.3", effort: { type: "max" } }
      assert.deepEqual<unknown>((yield* change("@cf/zai-org/glm-5.3")).body.model, kept)
      assert.include(
        errorOf(yield* change("@cf/openai/gpt-oss-20b")),
        "400 invalid_request_error: model.effort: @cf/openai/gpt-oss-20b does not know max: it knows high, medium, low"
      )
      const cleared = { id: "@cf/openai/gpt-oss-20b", effort: null }
      assert.deepEqual<unknown>((yield* change(cleared)).body.model, { id: "@cf/openai/gpt-oss-20b" })
    })
  )

  it.effect("starts over where another update came first, and gives up where that never ends", () =>
    Effect.gen(function* () {
      const twice = yield* TestApi.make({ catalog: racing(2) })
      assert.strictEqual((yield* twice.post<Agent>("/v1/agents/agent_1", { name: "B" })).body.version, 4)
      const forever = yield* TestApi.make({ catalog: racing(Number.POSITIVE_INFINITY) })
      assert.match(errorOf(yield* forever.post("/v1/agents/agent_1", { name: "B" })), /^409 /)
      const locked = yield* TestApi.make({ catalog: racing(1) })
      assert.match(
        errorOf(yield* locked.post("/v1/agents/agent_1", { name: "B", version: 1 })),
        /^409 .* is at version 2, not 1$/
      )
    })
  )

  it.effect("keeps the limits of the whole after a patch", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api, { metadata: pairs(0, 10) })
      assert.strictEqual(
        errorOf(yield* api.post(`/v1/agents/${id}`, { metadata: pairs(10, 17) })),
        "400 invalid_request_error: metadata: would have more than 16 pairs"
      )
    })
  )
})

describe("reading and archiving agents", () => {
  it.effect("gives the newest version, or the one asked for", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const first = yield* create(api)
      yield* api.post(`/v1/agents/${first.id}`, { name: "B" })
      assert.strictEqual((yield* api.get<Agent>(`/v1/agents/${first.id}`)).body.version, 2)
      assert.deepEqual((yield* api.get(`/v1/agents/${first.id}?version=1`)).body, first)
      assert.strictEqual(
        errorOf(yield* api.get(`/v1/agents/${first.id}?version=3`)),
        `404 not_found_error: version 3 of agent ${first.id} does not exist`
      )
      assert.match(errorOf(yield* api.get(`/v1/agents/${first.id}?version=0`)), /^400 .*version: expected/)
    })
  )

  it.effect("lists versions in pages, newest first", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api)
      for (const name of ["B", "C"]) yield* api.post(`/v1/agents/${id}`, { name })
      const path = `/v1/agents/${id}/versions?limit=2`
      const { body: page } = yield* api.get<TestApi.Page<Agent>>(path)
      assert.deepStrictEqual(
        page.data.map(({ version }) => version),
        [3, 2]
      )
      const { body: rest } = yield* api.get<TestApi.Page<Agent>>(`${path}&page=${page.next_page}`)
      assert.deepStrictEqual(
        rest.data.map(({ version }) => version),
        [1]
      )
      assert.isNull(rest.next_page)
    })
  )

  it.effect("lists agents in pages, and archived ones only where asked for", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const agents = yield* Effect.forEach(["A", "B", "C", "D"], (name) => create(api, { name }))
      const { body: archived } = yield* api.post<Agent>(`/v1/agents/${agents[1]?.id}/archive`)
      assert.isString(archived.archived_at)
      const names = Effect.fnUntraced(function* (query: string) {
        const { body } = yield* api.get<TestApi.Page<Agent>>(`/v1/agents?${query}`)
        return [body.data.map(({ name }) => name).join(""), body.next_page] as const
      })
      assert.deepStrictEqual(yield* names(""), ["DCA", null])
      assert.deepStrictEqual(yield* names("include_archived=true&limit=4"), ["DCBA", null])
      const [first, next] = yield* names("limit=2")
      assert.strictEqual(first, "DC")
      assert.deepStrictEqual(yield* names(`limit=2&page=${next}`), ["A", null])
    })
  )

  it.effect("refuses a cursor that is not one of this list", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      for (const name of ["A", "B"]) yield* api.post("/v1/environments", { name })
      const { body } = yield* api.get<TestApi.Page<unknown>>("/v1/environments?limit=1")
      for (const page of ["", "x", "%F0%9F%92%A9", String(body.next_page)]) {
        assert.strictEqual(
          errorOf(yield* api.get(`/v1/agents?page=${page}`)),
          "400 invalid_request_error: page: is not a cursor of this list (agents)"
        )
      }
    })
  )

  it.effect("archives once, and then changes no more", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api)
      const { body: archived } = yield* api.post(`/v1/agents/${id}/archive`)
      assert.deepEqual((yield* api.post(`/v1/agents/${id}/archive`)).body, archived)
      assert.deepEqual((yield* api.get(`/v1/agents/${id}`)).body, archived)
      assert.strictEqual(
        errorOf(yield* api.post(`/v1/agents/${id}`, { name: "B" })),
        `409 invalid_request_error: agent ${id} is archived`
      )
    })
  )

  it.effect("is 404 for an agent that does not exist", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const expected = "404 not_found_error: agent agent_1 does not exist"
      assert.strictEqual(errorOf(yield* api.get("/v1/agents/agent_1")), expected)
      assert.strictEqual(errorOf(yield* api.post("/v1/agents/agent_1", {})), expected)
      assert.strictEqual(errorOf(yield* api.post("/v1/agents/agent_1/archive")), expected)
      assert.strictEqual(errorOf(yield* api.get("/v1/agents/agent_1/versions")), expected)
    })
  )
})

describe("GET /v1/agents/{id}/usage", () => {
  it.effect("is nothing before there is a session, and of an agent that there is", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api)
      assert.deepEqual((yield* api.get(`/v1/agents/${id}/usage`)).body, {
        type: "agent_usage",
        agent_id: id,
        sessions: 0,
        active_seconds: 0,
        input_tokens: 0,
        output_tokens: 0,
        cache_read_input_tokens: 0,
        list_cost_usd: 0
      })
      assert.match(errorOf(yield* api.get("/v1/agents/agent_none/usage")), /^404 .*agent_none does not exist/)
    })
  )
})
