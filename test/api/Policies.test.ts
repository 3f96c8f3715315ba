import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Policy } from "../../src/domain/Policy.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

const github = { effect: "allow", host: "api.github.com", methods: ["GET"], path: "/repos/*" } as const

const create = (api: TestApi.TestApi, fields: object = {}) =>
  Effect.map(api.post<Policy>("/v1/policies", { name: "github", rules: [github], ...fields }), ({ body }) => body)

describe("a policy", () => {
  it.effect("is saved with the hash of its content, its author and no warning", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id, version, created_at, ...policy } = yield* create(api, { author: "ada" })
      assert.match(id, /^pol_[0-9A-Z]{26}$/)
      assert.match(version, /^[0-9a-f]{64}$/)
      assert.deepEqual(policy, {
        type: "policy",
        revision: 1,
        name: "github",
        description: null,
        author: "ada",
        rules: [github],
        limits: {},
        warnings: [],
        metadata: {},
        updated_at: created_at,
        archived_at: null
      })
    })
  )

  it.effect("is saved in the name of who asks where it names nobody", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id, author } = yield* create(api)
      assert.strictEqual(author, "deployment_key OWNLOOP_API_KEY")
      const { body: key } = yield* api.post<{ id: string; key: string }>("/v1/api_keys", { name: "k", scope: "admin" })
      const renamed = yield* api.call<Policy>(
        "POST",
        `/v1/policies/${id}`,
        { name: "other" },
        { authorization: `Bearer ${key.key}` }
      )
      assert.strictEqual(renamed.body.author, `api_key ${key.id}`)
    })
  )

  it.effect("keeps its own warnings beside one of a key that was masked in its description", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { description, warnings } = yield* create(api, {
        description: "not sk-ant-api03-x",
        rules: [github, github]
      })
      assert.strictEqual(description, "not [redacted]")
      assert.strictEqual(warnings[0]?.type, "unreachable")
      assert.match(JSON.stringify(warnings[1]), /^"description held an Anthropic API key/)
    })
  )

  it.effect("has another version for another content only, and every version stays readable", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const first = yield* create(api)
      const path = `/v1/policies/${first.id}`
      const update = (change: object) => Effect.map(api.post<Policy>(path, change), ({ body }) => body)
      const renamed = yield* update({ name: "other", author: "bob" })
      assert.deepEqual(
        [renamed.version, renamed.revision, renamed.name, renamed.author],
        [first.version, 2, "other", "bob"]
      )
      const denied = yield* update({ rules: [{ ...github, effect: "deny" }], limits: { total_ms: 1_000 } })
      assert.notStrictEqual(denied.version, first.version)
      // The same rules, written in another order of fields.
      const { path: rulePath, ...rest } = github
      const back = yield* update({ rules: [{ path: rulePath, ...rest }], limits: null })
      assert.deepEqual([back.version, back.revision], [first.version, 4])
      assert.strictEqual((yield* update({ name: "other" })).revision, 4)

      const get = (query: string) => Effect.map(api.get<Policy>(`${path}${query}`), ({ body }) => body)
      assert.deepEqual(yield* get(""), back)
      assert.deepEqual(yield* get(`?version=${denied.version}`), denied)
      const { body: versions } = yield* api.get<TestApi.Page<Policy>>(`${path}/versions?limit=3`)
      assert.deepEqual(
        versions.data.map(({ revision }) => revision),
        [4, 3, 2]
      )
      const { body: rest_ } = yield* api.get<TestApi.Page<Policy>>(
        `${path}/versions?limit=3&page=${versions.next_page}`
      )
      assert.deepEqual(rest_, { data: [first], next_page: null })
    })
  )

  it.effect("is not overwritten by one who has not seen its newest version, nor changed once it is archived", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id, version } = yield* create(api)
      const path = `/v1/policies/${id}`
      yield* api.post(path, { rules: [] })
      assert.match(
        errorOf(yield* api.post(path, { rules: [github], version })),
        /^409 .*version: policy .* is at version/
      )
      const { body: archived } = yield* api.post<Policy>(`${path}/archive`)
      assert.isString(archived.archived_at)
      assert.match(errorOf(yield* api.post(path, { name: "n" })), /^409 .*is archived/)
      const list = (query: string) =>
        Effect.map(api.get<TestApi.Page<Policy>>(`/v1/policies${query}`), ({ body }) => body.data.length)
      assert.deepEqual([yield* list(""), yield* list("?include_archived=true")], [0, 1])
      assert.match(errorOf(yield* api.get("/v1/policies/pol_1")), /^404 .*policy pol_1 does not exist/)
      assert.match(errorOf(yield* api.get(`${path}?version=0`)), /^404 .*version 0 of policy/)
    })
  )

  it.effect("tells its author of rules that never decide, and of those that overlap", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const warnings = (...rules: ReadonlyArray<object>) =>
        Effect.map(create(api, { rules }), ({ warnings }) => warnings.map(({ rules, type }) => [type, ...rules]))
      const rule = (effect: string, host: string, fields: object = {}) => ({ effect, host, ...fields })
      assert.deepEqual(yield* warnings(rule("allow", "a.example"), rule("deny", "a.example")), [["unreachable", 0, 1]])
      assert.deepEqual(yield* warnings(rule("allow", "A.example."), rule("allow", "a.example")), [
        ["unreachable", 1, 0]
      ])
      assert.deepEqual(
        yield* warnings(
          rule("allow", "a.example", { methods: ["GET"] }),
          rule("deny", "a.example", { methods: ["GET", "POST"] })
        ),
        [["unreachable", 0, 1]]
      )
      assert.deepEqual(yield* warnings(rule("allow", "*.internal")), [["unreachable", 0]])
      assert.deepEqual(
        yield* warnings(
          rule("allow", "*.a.example", { path: "/x/*" }),
          rule("deny", "www.a.example", { path: "/x/y/*" })
        ),
        []
      )
      assert.deepEqual(
        yield* warnings(rule("deny", "*.a.example", { methods: ["DELETE"] }), rule("allow", "www.a.example")),
        [["overlap", 0, 1]]
      )
      assert.deepEqual(
        yield* warnings(
          rule("allow", "a.example", { path: "/x/*" }),
          rule("deny", "a.example", { methods: ["DELETE"] }),
          rule("deny", "b.example")
        ),
        [["overlap", 0, 1]]
      )
    })
  )

  it.effect.each<[fields: object, problem: string]>([
    [{ name: "" }, "name: expected a value with a length of at least 1"],
    [{ rules: undefined }, "rules: is required"],
    [
      { rules: [{ effect: "let", host: "a.example" }] },
      'rules[0].effect: expected "allow" | "deny" | "ask", got string'
    ],
    [{ rules: [github, { effect: "allow", host: "https://a.example" }] }, "rules[1].host: is not a host"],
    [{ rules: [{ effect: "allow", host: "a.example:80" }] }, "rules[0].host: is not a host"],
    [{ rules: [{ effect: "allow", host: "*a.example" }] }, "rules[0].host: is not a host"],
    [{ rules: [{ ...github, path: "repos/*" }] }, "rules[0].path: is not a path"],
    [{ rules: [{ ...github, path: "/repos/*/issues" }] }, "rules[0].path: is not a path"],
    [{ rules: [{ ...github, path: "/repos?page=1" }] }, "rules[0].path: is not a path"],
    [{ rules: [{ ...github, methods: [] }] }, "rules[0].methods: must name at least one method"],
    [{ rules: [{ ...github, methods: ["TRACE"] }] }, "rules[0].methods: must name"],
    [{ rules: [{ ...github, methods: ["GE T"] }] }, "rules[0].methods: must name"],
    [{ rules: [{ ...github, port: 0 }] }, "rules[0].port: is not between 1 and 65535"],
    [{ rules: [{ ...github, via: { type: "tunnel" } }] }, "rules[0].via: expected the type proxy, with its code, or"],
    [
      { rules: [{ ...github, effect: "deny", via: { type: "binding", binding: "B" } }] },
      "rules[0].via: goes with allow"
    ],
    [{ rules: [{ ...github, verb: "GET" }] }, "rules[0].verb: is unexpected"],
    [{ limits: { total: 5 } }, "limits.total: is unexpected"],
    [{ limits: { total_ms: 0 } }, "limits.total_ms: expected a value greater than 0"],
    [{ rules: [{ ...github, path: "/sk-ant-api03-x" }] }, "rules[0].path holds an Anthropic API key"],
    [{ author: "sk-ant-api03-x" }, "author holds an Anthropic API key"]
  ])("refuses %j", ([fields, problem]) =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const answer = errorOf(yield* api.post("/v1/policies", { name: "github", rules: [github], ...fields }))
      assert.isTrue(answer.startsWith(`400 invalid_request_error: ${problem}`), answer)
      assert.notInclude(answer, "sk-ant-")
    })
  )
})

describe("policy_ids", () => {
  it.effect("bind policies to an environment and to an agent, as long as they are there", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api)
      const config = (policy_ids: unknown) => ({ name: "dev", config: { type: "cloud", policy_ids } })
      interface Bound {
        readonly id: string
        readonly version?: number
        readonly policy_ids?: ReadonlyArray<string>
        readonly config?: { readonly policy_ids?: ReadonlyArray<string> }
      }
      const { body: environment } = yield* api.post<Bound>("/v1/environments", config([id]))
      assert.deepEqual(environment.config?.policy_ids, [id])
      const path = `/v1/environments/${environment.id}`
      assert.deepEqual((yield* api.post<Bound>(path, { name: "prod" })).body.config?.policy_ids, [id])
      assert.notProperty((yield* api.post<Bound>(path, config([]))).body.config, "policy_ids")

      const { body: agent } = yield* api.post<Bound>("/v1/agents", { name: "a", model: "demo", policy_ids: [id] })
      assert.deepEqual(agent.policy_ids, [id])
      const update = (change: object) => api.post<Bound>(`/v1/agents/${agent.id}`, change)
      assert.deepEqual((yield* update({ name: "b" })).body.policy_ids, [id])
      assert.notProperty((yield* update({ policy_ids: null })).body, "policy_ids")

      yield* api.post(`/v1/policies/${id}/archive`)
      for (const [body, problem] of [
        [config([id]), `config.policy_ids[0]: policy ${id} is archived`],
        [config(["pol_1"]), "config.policy_ids[0]: policy pol_1 does not exist"],
        [config([id, id]), "config.policy_ids: names a policy twice"]
      ] as const) {
        assert.strictEqual(errorOf(yield* api.post("/v1/environments", body)), `400 invalid_request_error: ${problem}`)
      }
      const refused = yield* api.post("/v1/agents", { name: "a", model: "demo", policy_ids: ["pol_1"] })
      assert.include(errorOf(refused), "policy_ids[0]: policy pol_1 does not exist")
    })
  )
})

describe("POST /v1/egress/test", () => {
  interface Result {
    readonly outcome: string
    readonly reason: string
    readonly rule: string | null
    readonly policy_id: string | null
    readonly limits: Readonly<Record<string, number>>
  }
  const test = (api: TestApi.TestApi, url: string, subject: object, method?: string) =>
    Effect.map(api.post<Result>("/v1/egress/test", { request: { url, method }, ...subject }), ({ body }) => body)

  it.effect("says what a policy would do, stored or not, by which rule", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const policy = { rules: [github, { effect: "ask", host: "*" }], limits: { total_ms: 5 } }
      const { id, version } = yield* create(api, policy)
      for (const subject of [{ policy }, { policy_id: id }, { policy_id: id, version }]) {
        const allowed = yield* test(api, "https://api.github.com/repos/a/b?x=1", subject)
        assert.deepInclude(allowed, { outcome: "allowed", rule: "rules[0]" })
        assert.strictEqual(allowed.limits["total_ms"], 5)
        assert.deepInclude(yield* test(api, "https://api.github.com/repos/a", subject, "POST"), {
          outcome: "ask",
          rule: "rules[1]"
        })
        assert.deepInclude(yield* test(api, "https://10.0.0.1/", subject), { outcome: "blocked", rule: null })
      }
      assert.strictEqual((yield* test(api, "https://api.github.com/repos/", { policy_id: id })).policy_id, id)
    })
  )

  it.effect("says what would happen in the sessions of an environment and an agent", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api)
      const { body: environment } = yield* api.post<{ readonly id: string }>("/v1/environments", {
        name: "dev",
        config: { type: "cloud", networking: { type: "unrestricted" } }
      })
      const { body: agent } = yield* api.post<{ readonly id: string }>("/v1/agents", {
        name: "a",
        model: "demo",
        policy_ids: [id]
      })
      const wide = { environment_id: environment.id }
      const narrow = { ...wide, agent_id: agent.id }
      assert.strictEqual((yield* test(api, "https://example.com/", wide)).reason, "unrestricted networking")
      assert.deepInclude(yield* test(api, "https://example.com/", narrow), {
        outcome: "blocked",
        reason: "the agent's policies: no rule allows this host"
      })
      assert.strictEqual((yield* test(api, "https://api.github.com/repos/x", narrow)).outcome, "allowed")
      yield* api.post(`/v1/policies/${id}/archive`)
      assert.deepInclude(yield* test(api, "https://api.github.com/repos/x", narrow), {
        outcome: "blocked",
        reason: `the policy ${id} is archived`
      })
    })
  )

  it.effect.each<[body: object, problem: RegExp]>([
    [{ request: { url: "example.com" }, policy: { rules: [] } }, /^400 .*request\.url: is not a URL/],
    [{ request: { url: "https://a.example" } }, /^400 .*give one of policy, policy_id and environment_id/],
    [{ request: { url: "https://a.example" }, policy: { rules: [] }, policy_id: "pol_1" }, /^400 .*give one of/],
    [
      { request: { url: "https://a.example" }, policy: { rules: [] }, agent_id: "agent_1" },
      /^400 .*agent_id: goes with/
    ],
    [{ request: { url: "https://a.example" }, policy: { rules: [{ effect: "deny", host: "" }] } }, /^400 .*host/],
    [{ request: { url: "https://a.example" }, policy_id: "pol_1" }, /^404 .*policy pol_1 does not exist/],
    [{ request: { url: "https://a.example" }, environment_id: "env_1" }, /^404 .*environment env_1 does not exist/]
  ])("refuses %j", ([body, problem]) =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      assert.match(errorOf(yield* api.post("/v1/egress/test", body)), problem)
    })
  )
})
