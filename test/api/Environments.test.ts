import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { EnvironmentResponse } from "../../src/api/Environments.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi
type Environment = typeof EnvironmentResponse.Type

const create = (api: TestApi.TestApi, fields: object = {}) =>
  Effect.map(api.post<Environment>("/v1/environments", { name: "dev", ...fields }), ({ body }) => body)

const packages = { type: "packages", apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] } as const
const closed = { type: "limited", allowed_hosts: [], allow_package_managers: false, allow_mcp_servers: false } as const

const config = (fields: object) => ({ config: { type: "cloud", ...fields } })
const host = (entry: unknown) => config({ networking: { type: "limited", allowed_hosts: ["a.example", entry] } })
const noHost =
  "config.networking.allowed_hosts[1]: is not a host: write example.com, *.example.com or example.com:8080, without scheme and path"

describe("POST /v1/environments", () => {
  it.effect("makes an isolate without network where nothing is said", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id, created_at, ...environment } = yield* create(api)
      assert.match(id, /^env_[0-9A-Z]{26}$/)
      assert.deepEqual(environment, {
        type: "environment",
        name: "dev",
        description: null,
        config: { type: "cloud", backend: "isolate", networking: closed, packages },
        metadata: {},
        updated_at: created_at,
        archived_at: null
      })
    })
  )

  it.effect("takes null for absent, and fills in the rest", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const configOf = (name: string, config: object | null) =>
        Effect.map(create(api, { name, config, metadata: null, scope: null }), ({ config }) => config)
      assert.deepEqual(yield* configOf("a", null), { type: "cloud", backend: "isolate", networking: closed, packages })
      assert.deepEqual(
        yield* configOf("b", { type: "cloud", backend: null, networking: null, packages: { pip: null, npm: [] } }),
        { type: "cloud", backend: "isolate", networking: closed, packages }
      )
      assert.deepEqual(
        yield* configOf("c", {
          type: "cloud",
          backend: "microvm",
          networking: {
            type: "limited",
            allowed_hosts: ["a.example"],
            allow_package_managers: true,
            allow_mcp_servers: null
          }
        }),
        {
          type: "cloud",
          backend: "microvm",
          networking: { ...closed, allowed_hosts: ["a.example"], allow_package_managers: true },
          packages
        }
      )
      assert.deepEqual(yield* configOf("d", { type: "cloud", networking: { type: "unrestricted" } }), {
        type: "cloud",
        backend: "isolate",
        networking: { type: "unrestricted" },
        packages
      })
    })
  )

  it.effect("takes hosts with and without wildcard and port", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const allowed_hosts = ["example.com", "*.example.com", "example.com:8080", "127.0.0.1:3000", "[::1]:80"]
      const { config } = yield* create(api, {
        config: { type: "cloud", networking: { type: "limited", allowed_hosts } }
      })
      assert.deepEqual(config.networking, { ...closed, allowed_hosts })
    })
  )

  it.effect.each<[fields: object, problem: string]>([
    [{ name: null }, "name: expected string, got null"],
    [{ scope: "account" }, 'scope: expected "organization" | null, got string'],
    [{ config: { type: "self_hosted" } }, "config: self_hosted is not supported yet"],
    [{ config: { type: "other" } }, "config: expected the type cloud"],
    [config({ backend: "docker" }), 'config.backend: expected "isolate" | "microvm", got string'],
    [
      config({ packages: { pip: ["numpy"] } }),
      "config.packages.pip: is not supported: the isolate backend has no package manager"
    ],
    [config({ networking: { type: "open" } }), "config.networking: expected the type unrestricted or limited"],
    [host("https://b.example"), noHost],
    [host("b.example/path"), noHost],
    [host("b example"), noHost],
    [host("b.example:99999"), noHost],
    [host(""), noHost],
    [host(3), "config.networking.allowed_hosts[1]: expected string, got number"]
  ])("refuses %j", ([fields, problem]) =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const answer = yield* api.post("/v1/environments", { name: "dev", ...fields })
      assert.strictEqual(errorOf(answer), `400 invalid_request_error: ${problem}`)
    })
  )

  it.effect("is a conflict where the name is taken", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      yield* create(api)
      const answer = yield* api.post("/v1/environments", { name: "dev" })
      assert.strictEqual(errorOf(answer), "409 invalid_request_error: name: another environment is named dev")
      assert.strictEqual(answer.headers.get("x-should-retry"), "false")
    })
  )
})

describe("an environment", () => {
  it.effect("is changed in what is given, also within config", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const networking = { type: "limited", allowed_hosts: ["a.example"] }
      const first = yield* create(api, {
        description: "d",
        config: { type: "cloud", backend: "microvm", networking },
        metadata: { a: "1", b: "2" }
      })
      const path = `/v1/environments/${first.id}`
      const { body: renamed } = yield* api.post<Environment>(path, {
        name: "prod",
        description: null,
        metadata: { a: null, c: "3" }
      })
      assert.deepEqual(renamed, {
        ...first,
        name: "prod",
        description: null,
        metadata: { b: "2", c: "3" },
        updated_at: renamed.updated_at
      })
      const { body: opened } = yield* api.post<Environment>(path, {
        name: null,
        config: { type: "cloud", networking: { type: "unrestricted" } }
      })
      assert.deepEqual(opened, {
        ...renamed,
        config: { ...renamed.config, networking: { type: "unrestricted" } },
        updated_at: opened.updated_at
      })
      assert.deepEqual((yield* api.get(path)).body, opened)
    })
  )

  it.effect("cannot take another one's name, but keep its own", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      yield* create(api, { name: "a" })
      const { id } = yield* create(api, { name: "b" })
      assert.match(errorOf(yield* api.post(`/v1/environments/${id}`, { name: "a" })), /^409 /)
      assert.strictEqual((yield* api.post(`/v1/environments/${id}`, { name: "b" })).status, 200)
    })
  )

  it.effect("is archived once, and then changes no more", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api)
      const { body: archived } = yield* api.post<Environment>(`/v1/environments/${id}/archive`)
      assert.isString(archived.archived_at)
      assert.deepEqual((yield* api.post(`/v1/environments/${id}/archive`)).body, archived)
      assert.strictEqual(
        errorOf(yield* api.post(`/v1/environments/${id}`, { name: "x" })),
        `409 invalid_request_error: environment ${id} is archived`
      )
      assert.deepEqual((yield* api.get("/v1/environments")).body, { data: [], next_page: null })
      assert.deepEqual((yield* api.get("/v1/environments?include_archived=true")).body, {
        data: [archived],
        next_page: null
      })
    })
  )

  it.effect("is gone once deleted", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = yield* create(api)
      assert.deepEqual((yield* api.delete(`/v1/environments/${id}`)).body, { id, type: "environment_deleted" })
      const expected = `404 not_found_error: environment ${id} does not exist`
      assert.strictEqual(errorOf(yield* api.get(`/v1/environments/${id}`)), expected)
      assert.strictEqual(errorOf(yield* api.delete(`/v1/environments/${id}`)), expected)
      assert.strictEqual(errorOf(yield* api.post(`/v1/environments/${id}`, {})), expected)
      assert.strictEqual(errorOf(yield* api.post(`/v1/environments/${id}/archive`)), expected)
    })
  )

  it.effect("is listed in pages, newest first", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      yield* Effect.forEach(["a", "b", "c"], (name) => create(api, { name }))
      const { body: page } = yield* api.get<TestApi.Page<Environment>>("/v1/environments?limit=2")
      assert.deepStrictEqual(
        page.data.map(({ name }) => name),
        ["c", "b"]
      )
      const { body: rest } = yield* api.get<TestApi.Page<Environment>>(
        `/v1/environments?limit=2&page=${page.next_page}`
      )
      assert.deepStrictEqual(
        rest.data.map(({ name }) => name),
        ["a"]
      )
      assert.isNull(rest.next_page)
    })
  )
})
