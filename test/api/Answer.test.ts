import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Catalog } from "../../src/Catalog.ts"
import { StorageError } from "../../src/Storage.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

describe("every answer", () => {
  it.effect("has a request id of its own", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const first = yield* api.get("/health")
      const second = yield* api.get("/v1/agents")
      assert.match(first.headers.get("request-id") ?? "", /^req_[0-9A-Z]{26}$/)
      assert.match(second.headers.get("request-id") ?? "", /^req_[0-9A-Z]{26}$/)
      assert.notStrictEqual(first.headers.get("request-id"), second.headers.get("request-id"))
    })
  )

  it.effect("is in the error envelope where there is no such route or method", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      assert.strictEqual(errorOf(yield* api.get("/v1/nope?secret=x")), "404 not_found_error: there is no GET /v1/nope")
      assert.strictEqual(
        errorOf(yield* api.call("PUT", "/v1/agents", {})),
        "404 not_found_error: there is no PUT /v1/agents"
      )
      assert.strictEqual(
        errorOf(yield* api.get("/v1/agents/%E0%A4%A")),
        "404 not_found_error: there is no GET /v1/agents/%E0%A4%A"
      )
    })
  )

  it.effect("names the field of a body that does not fit", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const problem = (body: unknown) => Effect.map(api.post("/v1/agents", body), errorOf)
      assert.strictEqual(yield* problem({ model: "demo" }), "400 invalid_request_error: name: is required")
      assert.strictEqual(
        yield* problem({ name: 3, model: "demo" }),
        "400 invalid_request_error: name: expected string, got number"
      )
      assert.strictEqual(
        yield* problem({ name: "a", model: { id: null } }),
        "400 invalid_request_error: model.id: expected string, got null"
      )
      assert.strictEqual(yield* problem([]), "400 invalid_request_error: body: expected object, got array")
      assert.strictEqual(yield* problem("3"), "400 invalid_request_error: body: expected object, got number")
      assert.strictEqual(yield* problem(""), "400 invalid_request_error: body: expected object")
      assert.strictEqual(yield* problem("{"), "400 invalid_request_error: body: expected a valid JSON body")
    })
  )

  it.effect("names the field of a query that does not fit", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const problem = (query: string) => Effect.map(api.get(`/v1/agents?${query}`), errorOf)
      assert.strictEqual(
        yield* problem("limit=0"),
        "400 invalid_request_error: limit: expected a value between 1 and 100"
      )
      assert.strictEqual(
        yield* problem("limit=101"),
        "400 invalid_request_error: limit: expected a value between 1 and 100"
      )
      assert.match(yield* problem("limit=many"), /^400 invalid_request_error: limit: expected a string representing/)
      assert.match(yield* problem("limit=1.5"), /^400 invalid_request_error: limit: expected an integer/)
      assert.match(yield* problem("include_archived=maybe"), /^400 invalid_request_error: include_archived: expected/)
    })
  )

  it.effect("does not repeat what a wrong field held", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const answer = yield* api.post("/v1/agents", { name: { token: "hunter2" }, model: "demo" })
      assert.strictEqual(errorOf(answer), "400 invalid_request_error: name: expected string, got object")
      assert.notInclude(JSON.stringify(api.logs), "hunter2")
    })
  )

  it.effect("is 404 for an id of the wrong form", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      assert.strictEqual(
        errorOf(yield* api.get("/v1/agents/sesn_1")),
        "404 not_found_error: /v1/agents/sesn_1 does not exist"
      )
      assert.strictEqual(
        errorOf(yield* api.post("/v1/sessions/nope/events", { events: [] })),
        "404 not_found_error: /v1/sessions/nope/events does not exist"
      )
    })
  )

  it.effect("is 400 for a body that is no JSON by its type", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const answer = yield* api.call("POST", "/v1/agents", "name=a", {
        "content-type": "application/x-www-form-urlencoded"
      })
      assert.strictEqual(errorOf(answer), "400 invalid_request_error: content-type: expected application/json")
    })
  )

  it.effect("is 413 for a body of more than 4 MiB, with and without its length", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const expected = "413 request_too_large: the body is larger than 4194304 bytes"
      const body = JSON.stringify({ name: "a", model: "demo", extra: "x".repeat(4 * 1024 * 1024) })
      assert.strictEqual(errorOf(yield* api.post("/v1/agents", body)), expected)
      assert.strictEqual(
        errorOf(yield* api.call("POST", "/v1/agents", body, { "content-length": String(body.length) })),
        expected
      )
      const fits = JSON.stringify({ name: "a", model: "demo", extra: "x".repeat(4 * 1024 * 1024 - 100) })
      assert.strictEqual((yield* api.post("/v1/agents", fits)).status, 200)
    })
  )

  it.effect("is 500 without internals where storage fails, and the log has the reason", () =>
    Effect.gen(function* () {
      const catalog = Layer.mock(Catalog, {
        agents: () => Effect.fail(new StorageError({ operation: "Catalog.agents", cause: new Error("disk on fire") }))
      })
      const api = yield* TestApi.make({ catalog })
      const answer = yield* api.get("/v1/agents")
      assert.strictEqual(
        errorOf(answer),
        "500 api_error: something went wrong on this side; the deployment's log has the reason"
      )
      const log = api.logs.join("\n")
      assert.include(log, "disk on fire")
      assert.include(log, answer.headers.get("request-id") ?? "no id")
    })
  )

  it.effect("is 500 for a defect", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make({ catalog: Layer.mock(Catalog, { agents: () => Effect.die("a bug") }) })
      assert.match(errorOf(yield* api.get("/v1/agents")), /^500 api_error: something went wrong/)
      assert.include(api.logs.join("\n"), "a bug")
    })
  )

  it.effect("ignores what the SDKs add, and fields it does not know", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const answer = yield* api.call(
        "POST",
        "/v1/agents?beta=true",
        { name: "a", model: "demo", a_field_of_the_future: { x: 1 } },
        { "anthropic-beta": "managed-agents-2026-04-01", "anthropic-version": "2026-10-21" }
      )
      assert.strictEqual(answer.status, 200)
    })
  )
})
