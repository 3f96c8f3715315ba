import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Queue } from "effect"
import { TestClock } from "effect/testing"
import { ApiKeys } from "../../src/ApiKeys.ts"
import type { ApiKey } from "../../src/domain/ApiKey.ts"
import { ApiKeyId } from "../../src/domain/Ids.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

interface Created extends ApiKey {
  readonly key: string
}

const create = (api: TestApi.TestApi, scope: string, name = "a key") =>
  Effect.map(api.post<Created>("/v1/api_keys", { name, scope }), ({ body }) => body)

const as = (value: string) => ({ authorization: `Bearer ${value}` })

const status = (api: TestApi.TestApi, value: string, method = "GET", path = "/v1/agents", body?: unknown) =>
  Effect.map(api.call(method, path, body, as(value)), (answer) => answer.status)

describe("API keys", () => {
  it.effect("are made with a value that is shown once, and lets its holder in by either header", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { key, ...created } = yield* create(api, "read", "for the dashboard")
      assert.match(key, /^ol_[\w-]{43}$/)
      assert.match(created.id, /^apikey_/)
      assert.deepInclude(created, {
        type: "api_key",
        name: "for the dashboard",
        scope: "read",
        status: "active",
        partial_key_hint: `${key.slice(0, 7)}...${key.slice(-4)}`,
        created_by: { type: "deployment_key", id: "OWNLOOP_API_KEY" },
        last_used_at: null
      })
      const another = yield* create(api, "read")
      assert.notStrictEqual(another.key, key)
      assert.strictEqual(yield* status(api, key), 200)
      assert.strictEqual(
        (yield* api.call("GET", "/v1/agents", undefined, { authorization: "", "x-api-key": key })).status,
        200
      )

      const list = yield* api.get<TestApi.Page<ApiKey>>("/v1/api_keys")
      assert.deepStrictEqual(
        list.body.data.map(({ id }) => id),
        [another.id, created.id]
      )
      const one = yield* api.get(`/v1/api_keys/${created.id}`)
      for (const { body } of [list, one]) {
        assert.notInclude(JSON.stringify(body), key)
        assert.notMatch(JSON.stringify(body), /hash|[0-9a-f]{64}/)
      }
      assert.notInclude(api.logs.join("\n"), key)
    })
  )

  it.effect("are refused where they are nearly right, or have the look of one", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { key } = yield* create(api, "admin")
      const last = key.at(-1) === "A" ? "B" : "A"
      for (const wrong of [
        `${key.slice(0, -1)}${last}`,
        key.slice(0, -1),
        `${key}x`,
        key.toLowerCase(),
        key.slice(3)
      ]) {
        const answer = yield* api.call("GET", "/v1/agents", undefined, as(wrong))
        assert.match(
          errorOf(answer),
          /^401 authentication_error: send this deployment's OWNLOOP_API_KEY, or one of its API keys/
        )
        assert.notInclude(JSON.stringify(answer.body), wrong)
      }
    })
  )

  it.effect("say which field is wrong", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      assert.match(errorOf(yield* api.post("/v1/api_keys", { name: "x" })), /^400 invalid_request_error: scope/)
      assert.match(errorOf(yield* api.post("/v1/api_keys", { name: "x", scope: "all" })), /^400 .*scope: expected/)
      assert.match(errorOf(yield* api.post("/v1/api_keys", { name: "", scope: "read" })), /^400 .*name/)
      assert.match(errorOf(yield* api.post("/v1/api_keys/apikey_none", { name: "x" })), /^404 not_found_error: API key/)
      assert.match(errorOf(yield* api.get("/v1/api_keys/apikey_none")), /^404/)
      assert.match(errorOf(yield* api.get("/v1/api_keys?status=lost")), /^400 .*status/)
    })
  )

  it.effect("that are revoked let nobody in from then on, and an archived one never comes back", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id, key } = yield* create(api, "read")
      const set = (status: string) => api.post<ApiKey>(`/v1/api_keys/${id}`, { status })
      assert.strictEqual(yield* status(api, key), 200)
      assert.strictEqual((yield* set("inactive")).body.status, "inactive")
      assert.strictEqual(yield* status(api, key), 401)
      yield* set("active")
      assert.strictEqual(yield* status(api, key), 200)
      yield* set("archived")
      assert.strictEqual(yield* status(api, key), 401)
      assert.match(errorOf(yield* set("active")), /^409 invalid_request_error: API key .* is archived/)
      assert.strictEqual(yield* status(api, key), 401)
      const archived = yield* api.get<TestApi.Page<ApiKey>>("/v1/api_keys?status=archived")
      assert.deepStrictEqual(
        archived.body.data.map(({ id }) => id),
        [id]
      )
    })
  )

  it.effect("keep their name's change, and what was not named", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { key: _, ...created } = yield* create(api, "run")
      assert.deepStrictEqual((yield* api.post(`/v1/api_keys/${created.id}`, { name: "renamed" })).body, {
        ...created,
        name: "renamed"
      })
    })
  )
})

/** Every route of the API, with the scope that the README says it needs. */
const routes: Record<string, string> = {
  "GET /v1/agents": "read",
  "GET /v1/agents/{id}": "read",
  "GET /v1/agents/{id}/versions": "read",
  "POST /v1/agents": "admin",
  "POST /v1/agents/{id}": "admin",
  "POST /v1/agents/{id}/archive": "admin",
  "GET /v1/environments": "read",
  "GET /v1/environments/{id}": "read",
  "POST /v1/environments": "admin",
  "POST /v1/environments/{id}": "admin",
  "POST /v1/environments/{id}/archive": "admin",
  "DELETE /v1/environments/{id}": "admin",
  "GET /v1/sessions": "read",
  "GET /v1/sessions/{id}": "read",
  "GET /v1/sessions/{id}/events": "read",
  "GET /v1/sessions/{id}/events/stream": "read",
  "GET /v1/sessions/{id}/events/{event_id}/content": "read",
  "GET /v1/sessions/{id}/export": "read",
  "POST /v1/sessions/{id}/fork": "run",
  "GET /v1/sessions/{id}/trace": "read",
  "POST /v1/sessions": "run",
  "POST /v1/sessions/{id}": "run",
  "POST /v1/sessions/{id}/archive": "run",
  "POST /v1/tasks": "run",
  "POST /v1/tasks/{id}/cancel": "run",
  "POST /v1/tasks/{id}/retry": "run",
  "POST /v1/sessions/{id}/approval_links": "run",
  "GET /v1/mailboxes": "read",
  "GET /v1/mailboxes/{id}": "read",
  "POST /v1/mailboxes": "admin",
  "POST /v1/mailboxes/{id}": "admin",
  "POST /v1/mailboxes/{id}/archive": "admin",
  "GET /v1/mails": "read",
  "GET /v1/mails/{id}": "read",
  "POST /v1/sessions/{id}/events": "run",
  "DELETE /v1/sessions/{id}": "run",
  "GET /v1/tools": "read",
  "GET /v1/egress/decisions": "read",
  "POST /v1/egress/test": "read",
  "GET /v1/policies": "read",
  "GET /v1/policies/{id}": "read",
  "GET /v1/policies/{id}/versions": "read",
  "POST /v1/policies": "admin",
  "POST /v1/policies/{id}": "admin",
  "POST /v1/policies/{id}/archive": "admin",
  "GET /v1/api_keys": "admin",
  "GET /v1/api_keys/{id}": "admin",
  "POST /v1/api_keys": "admin",
  "POST /v1/api_keys/{id}": "admin"
}

describe("the scope of a key", () => {
  it.effect("decides about every route, and a wrong one is told which it needs", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { body } = yield* api.get<{ readonly paths: Record<string, Record<string, unknown>> }>("/openapi.json")
      const all = Object.entries(body.paths)
        .filter(([path]) => path.startsWith("/v1/"))
        .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
      // A route that is not in the table above: a GET needs `read` and everything else `admin`.
      const needed = (route: string) => routes[route] ?? (route.startsWith("GET ") ? "read" : "admin")
      assert.includeMembers(all, Object.keys(routes))
      const scopes = ["read", "run", "admin"]
      for (const [rank, scope] of scopes.entries()) {
        const { id, key } = yield* create(api, scope)
        for (const route of all) {
          const [method = "", path = ""] = route.split(" ")
          const answer = yield* api.call(method, path.replaceAll(/\{\w+\}/g, "x_1"), undefined, as(key))
          if (scopes.indexOf(needed(route)) <= rank) assert.notStrictEqual(answer.status, 403, `${scope}: ${route}`)
          else
            assert.strictEqual(
              errorOf(answer),
              `403 permission_error: this needs the scope ${needed(route)}; the caller (api_key ${id}) has the scope ${scope}`,
              route
            )
        }
      }
    })
  )

  it.effect("says who made what", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id, key } = yield* create(api, "admin")
      const { body } = yield* api.call<ApiKey>("POST", "/v1/api_keys", { name: "n", scope: "read" }, as(key))
      assert.deepStrictEqual(body.created_by, { type: "api_key", id })
    })
  )
})

/** A store that counts. */
const counting = Effect.fnUntraced(function* (api: TestApi.TestApi) {
  const calls = { find: 0, used: yield* Queue.unbounded<string>() }
  const store = ApiKeys.of({
    ...api.apiKeys,
    find: (hash) =>
      Effect.andThen(
        Effect.sync(() => calls.find++),
        api.apiKeys.find(hash)
      ),
    used: (id, at) => Effect.andThen(api.apiKeys.used(id, at), Queue.offer(calls.used, at))
  })
  return { calls, store }
})

describe("what a key costs", () => {
  it.effect("is nothing for the deployment's own, and one read in 30 seconds for another", () =>
    Effect.gen(function* () {
      const first = yield* TestApi.make()
      const { id, key } = yield* create(first, "read")
      const { calls, store } = yield* counting(first)
      const api = yield* TestApi.make({ apiKeys: store, clock: yield* TestClock.testClockWith(Effect.succeed) })
      for (let count = 0; count < 5; count++) assert.strictEqual(yield* status(api, TestApi.key), 200)
      assert.strictEqual(calls.find, 0)

      for (let count = 0; count < 5; count++) assert.strictEqual(yield* status(api, key), 200)
      assert.strictEqual(calls.find, 1)
      // Revoked by another process: known here for half a minute at most.
      yield* first.post(`/v1/api_keys/${id}`, { status: "inactive" })
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* status(api, key), 200)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* status(api, key), 401)
      assert.strictEqual(yield* status(api, key), 401)
      assert.strictEqual(calls.find, 3)
      // Nothing else is ever looked up.
      assert.strictEqual(yield* status(api, "ol_short"), 401)
      assert.strictEqual(calls.find, 3)
    })
  )

  it.effect("and its use is noted once a minute", () =>
    Effect.gen(function* () {
      const first = yield* TestApi.make()
      const { id, key } = yield* create(first, "read")
      const { calls, store } = yield* counting(first)
      yield* TestClock.setTime(Date.parse("2026-11-24T10:00:00.000Z"))
      const api = yield* TestApi.make({ apiKeys: store, clock: yield* TestClock.testClockWith(Effect.succeed) })
      for (const seconds of [0, 10, 31, 18, 1, 59, 1]) {
        yield* TestClock.adjust(`${seconds} seconds`)
        assert.strictEqual(yield* status(api, key), 200)
      }
      // No answer waits for it: here they all have come by now, or will come.
      assert.deepStrictEqual(yield* Queue.takeN(calls.used, 3), [
        "2026-11-24T10:00:00.000Z",
        "2026-11-24T10:01:00.000Z",
        "2026-11-24T10:02:00.000Z"
      ])
      assert.strictEqual(yield* Queue.size(calls.used), 0)
      const kept = yield* api.apiKeys.get(ApiKeyId.make(id))
      assert.strictEqual(Option.getOrThrow(kept).last_used_at, "2026-11-24T10:02:00.000Z")
    })
  )

  it.effect("is not refused because its use cannot be noted, and lets nobody in where keys cannot be read", () =>
    Effect.gen(function* () {
      const first = yield* TestApi.make()
      const { key } = yield* create(first, "read")
      const broken = Effect.die("no database")
      const silent = yield* TestApi.make({ apiKeys: ApiKeys.of({ ...first.apiKeys, used: () => broken }) })
      assert.strictEqual(yield* status(silent, key), 200)
      const closed = yield* TestApi.make({ apiKeys: ApiKeys.of({ ...first.apiKeys, find: () => broken }) })
      assert.match(errorOf(yield* closed.call("GET", "/v1/agents", undefined, as(key))), /^500 api_error/)
    })
  )
})
