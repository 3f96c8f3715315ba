import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as Memory from "../../layers/storage/CatalogMemory.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { decision, record } from "../support/records.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

describe("GET /v1/tools", () => {
  it.effect("lists the deployment's tools, also those that are not available", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { body } = yield* api.get("/v1/tools")
      assert.deepEqual(body, {
        data: TestApi.tools.map((tool) => ({ type: "tool", ...tool })),
        next_page: null
      })
    })
  )
})

describe("GET /v1/egress/decisions", () => {
  const decisions = [
    decision("1", { outcome: "blocked" }),
    decision("2"),
    decision("3", { outcome: "injected" }),
    decision("4", { session_id: SessionId.make("sesn_2") })
  ]
  const catalog = Layer.effectDiscard(
    Effect.gen(function* () {
      const { addDecision } = yield* Catalog
      yield* Effect.forEach(decisions, addDecision, { discard: true })
    })
  ).pipe(Layer.provideMerge(Memory.layer), Layer.orDie)

  it.effect("is in pages, newest first, and filters by session and outcome", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make({ catalog })
      const list = (query: string) =>
        Effect.map(api.get<TestApi.Page<EgressDecision>>(`/v1/egress/decisions?${query}`), ({ body }) => body)
      assert.deepEqual(yield* list(""), { data: decisions.toReversed(), next_page: null })
      assert.deepEqual(yield* list("session_id=sesn_1&outcome=blocked"), { data: [decisions[0]!], next_page: null })
      assert.deepEqual(yield* list("session_id=sesn_3"), { data: [], next_page: null })
      assert.deepEqual((yield* list("agent_id=agent_1&host=EXAMPLE.com")).data.length, 4)
      assert.deepEqual(yield* list("agent_id=agent_2"), { data: [], next_page: null })
      assert.deepEqual(yield* list("host=example.org"), { data: [], next_page: null })
      assert.deepEqual((yield* list(`created_at[gte]=${decisions[0]!.created_at}`)).data.length, 4)
      assert.deepEqual(yield* list(`created_at[gt]=${decisions[0]!.created_at}`), { data: [], next_page: null })
      assert.deepEqual(yield* list("session_id=sesn_2"), { data: [decisions[3]!], next_page: null })
      const { data, next_page } = yield* list("limit=3")
      assert.strictEqual(data.length, 3)
      assert.deepEqual(yield* list(`limit=3&page=${next_page}`), { data: [decisions[0]!], next_page: null })
      assert.match(errorOf(yield* api.get("/v1/egress/decisions?outcome=lost")), /^400 .*outcome: expected "injected"/)
    })
  )
})

describe("GET /v1/sessions/{id}/export", () => {
  it.effect("is a file, passed on as it comes", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { id } = record("1")
      api.sessions.sessions.set(id, { record: record("1"), log: [] })
      api.sessions.frames = Stream.make('{"type":"session_', 'export"}')
      const { body, headers } = yield* api.get(`/v1/sessions/${id}/export`)
      assert.deepEqual(body, { type: "session_export" })
      assert.strictEqual(headers.get("content-disposition"), `attachment; filename="${id}.json"`)
      assert.match(errorOf(yield* api.get("/v1/sessions/sesn_none/export")), /^404 .*session sesn_none does not exist/)
    })
  )
})

describe("what needs no key", () => {
  it.effect("says that the Worker answers", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { status, body } = yield* api.call("GET", "/health", undefined, { authorization: "" })
      assert.strictEqual(status, 200)
      assert.deepEqual(body, { status: "ok" })
    })
  )

  it.effect("describes every endpoint with its errors and its security", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      interface Operation {
        readonly security: ReadonlyArray<object>
        readonly responses: Record<string, object>
      }
      const { body } = yield* api.call<{ readonly paths: Record<string, Record<string, Operation>> }>(
        "GET",
        "/openapi.json",
        undefined,
        { authorization: "" }
      )
      assert.sameMembers(Object.keys(body.paths), [
        "/health",
        "/v1/agents",
        "/v1/agents/{id}",
        "/v1/agents/{id}/archive",
        "/v1/agents/{id}/versions",
        "/v1/agents/{id}/usage",
        "/v1/dead_letters",
        "/v1/dead_letters/{id}/replay",
        "/v1/deliveries",
        "/v1/deliveries/{id}/replay",
        "/v1/api_keys",
        "/v1/api_keys/{id}",
        "/v1/egress/decisions",
        "/v1/egress/test",
        "/v1/environments",
        "/v1/environments/{id}",
        "/v1/environments/{id}/archive",
        "/v1/mailboxes",
        "/v1/mailboxes/{id}",
        "/v1/mailboxes/{id}/archive",
        "/v1/mails",
        "/v1/mails/{id}",
        "/v1/policies",
        "/v1/policies/{id}",
        "/v1/policies/{id}/archive",
        "/v1/policies/{id}/versions",
        "/v1/root_keys/rotate",
        "/v1/sessions",
        "/v1/sessions/{id}",
        "/v1/sessions/{id}/approval_links",
        "/v1/sessions/{id}/archive",
        "/v1/sessions/{id}/events",
        "/v1/sessions/{id}/events/{event_id}/content",
        "/v1/sessions/{id}/events/stream",
        "/v1/sessions/{id}/export",
        "/v1/sessions/{id}/fork",
        "/v1/sessions/{id}/trace",
        "/v1/sweeps",
        "/v1/tasks",
        "/v1/tasks/{id}",
        "/v1/tasks/{id}/artifact",
        "/v1/tasks/{id}/cancel",
        "/v1/tasks/{id}/retry",
        "/v1/tools",
        "/v1/vaults",
        "/v1/vaults/{id}",
        "/v1/vaults/{id}/archive",
        "/v1/vaults/{vault_id}/credentials",
        "/v1/vaults/{vault_id}/credentials/{id}",
        "/v1/vaults/{vault_id}/credentials/{id}/archive",
        "/v1/vaults/{vault_id}/credentials/{id}/mcp_oauth_validate"
      ])
      const update = body.paths["/v1/agents/{id}"]?.post
      assert.deepEqual(update?.security, [{ bearer: [] }, { apiKey: [] }, { access: [] }])
      assert.containsAllKeys(update?.responses, ["200", "400", "401", "403", "404", "409", "429", "503"])
      const stream = body.paths["/v1/sessions/{id}/events/stream"]?.get
      assert.deepEqual(stream?.security, [{ bearer: [] }, { apiKey: [] }, { access: [] }, { webSocket: [] }])
    })
  )
})
