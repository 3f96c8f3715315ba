import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Redacted } from "effect"
import * as Closed from "../../src/api/Closed.ts"
import { findAnthropicKey } from "../../src/domain/AnthropicKey.ts"
import { DeploymentKey } from "../../src/api/Identity.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf, key } = TestApi

const read = (env: Record<string, string>) =>
  DeploymentKey.pipe(
    Effect.provide(DeploymentKey.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env)))))
  )

const find = (env: Record<string, unknown>) => Option.map(findAnthropicKey(env), ({ where }) => where)

describe("the API key", () => {
  it.effect("passes as a bearer token, in any case of the scheme, and as x-api-key", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const status = (headers: Record<string, string>) =>
        Effect.map(api.call("GET", "/v1/agents", undefined, headers), ({ status }) => status)
      assert.strictEqual(yield* status({ authorization: `Bearer ${key}` }), 200)
      assert.strictEqual(yield* status({ authorization: `bearer ${key}` }), 200)
      assert.strictEqual(yield* status({ authorization: "", "x-api-key": key }), 200)
      assert.strictEqual(yield* status({ authorization: "Bearer other", "x-api-key": key }), 200)
    })
  )

  it.effect("is required by every endpoint of /v1", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const { body } = yield* api.get<{ readonly paths: Record<string, Record<string, unknown>> }>("/openapi.json")
      const endpoints = Object.entries(body.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => [method.toUpperCase(), path.replace("{id}", "x_1")] as const)
      )
      assert.isAbove(endpoints.length, 20)
      for (const [method, path] of endpoints.filter(([, path]) => path.startsWith("/v1"))) {
        const answer = yield* api.call(method, path, undefined, { authorization: "" })
        assert.match(errorOf(answer), /^401 authentication_error: send this deployment's OWNLOOP_API_KEY/, path)
      }
    })
  )

  it.effect("is refused where it is wrong, also by one character or in length", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      for (const wrong of ["other", key.slice(0, -1), `${key}x`, `${key.slice(0, -1)}T`]) {
        const answer = yield* api.call("GET", "/v1/agents", undefined, { authorization: `Bearer ${wrong}` })
        assert.match(errorOf(answer), /^401 authentication_error/)
        assert.notInclude(JSON.stringify(answer.body), wrong)
      }
      assert.match(
        errorOf(yield* api.call("GET", "/v1/agents", undefined, { authorization: `Basic ${btoa(`${key}:`)}` })),
        /^401/
      )
    })
  )

  it.effect("that is not set lets nobody in and says which secret to set", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make({ apiKey: null })
      for (const authorization of ["", "Bearer ", `Bearer ${key}`]) {
        assert.match(
          errorOf(yield* api.call("GET", "/v1/agents", undefined, { authorization })),
          /^503 api_error: the secret OWNLOOP_API_KEY is not set/
        )
      }
      assert.strictEqual((yield* api.get("/health")).status, 200)
    })
  )

  it.effect("comes from OWNLOOP_API_KEY, where an empty value is none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(Option.map(yield* read({ OWNLOOP_API_KEY: "k" }), Redacted.value), Option.some("k"))
      assert.isTrue(Option.isNone(yield* read({ OWNLOOP_API_KEY: "" })))
      assert.isTrue(Option.isNone(yield* read({})))
    })
  )
})

describe("an Anthropic key", () => {
  const anthropicKey = "sk-ant-api03-secret"

  it.effect("is refused in any header, on every route, and is never repeated or logged", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      for (const headers of [
        { "x-api-key": anthropicKey },
        { authorization: `Bearer ${anthropicKey}` },
        { authorization: anthropicKey },
        { authorization: `Bearer ${key}`, "x-api-key": ` ${anthropicKey}` },
        { authorization: `Basic ${btoa(`user:${anthropicKey}`)}` },
        { cookie: `a=1; key=${anthropicKey}` },
        { "x-custom": anthropicKey },
        { "x-custom": anthropicKey.replace("-", "%2D") },
        { [anthropicKey]: "1" },
        { [anthropicKey.replace("-", "%2D")]: "1" }
      ] as ReadonlyArray<Record<string, string>>) {
        for (const path of ["/v1/agents", "/health", "/nope"]) {
          const answer = yield* api.call("GET", path, undefined, headers)
          assert.match(
            errorOf(answer),
            /^401 authentication_error: (the header (x-api-key|authorization|cookie|x-custom)|the name of a header) holds an Anthropic API key.* Send the value of OWNLOOP_API_KEY as authToken instead$/
          )
          assert.notInclude(JSON.stringify(answer.body), "secret")
        }
      }
      const answer = yield* api.get(`/v1/agents/${anthropicKey}`)
      assert.match(errorOf(answer), /^401 authentication_error: the URL holds an Anthropic API key/)
      assert.notInclude(api.logs.join("\n"), "secret")
    })
  )

  it("is found in an environment by its name or its look", () => {
    assert.deepStrictEqual(find({ ANTHROPIC_API_KEY: "anything" }), Option.some("the variable ANTHROPIC_API_KEY"))
    assert.deepStrictEqual(find({ OWNLOOP_API_KEY: anthropicKey }), Option.some("the variable OWNLOOP_API_KEY"))
    assert.deepStrictEqual(
      find({ OPENAI_API_KEY: `Bearer ${anthropicKey}` }),
      Option.some("the variable OPENAI_API_KEY")
    )
    assert.deepStrictEqual(find({ URL: `https://x/?k=${anthropicKey}` }), Option.some("the variable URL"))
    assert.isTrue(Option.isNone(find({ ANTHROPIC_API_KEY: "", OWNLOOP_API_KEY: "k", AI: {}, COUNT: 3 })))
  })

  it.effect("in the environment stops every request, with the reason", () =>
    Effect.gen(function* () {
      const found = findAnthropicKey({ ANTHROPIC_API_KEY: anthropicKey })
      const api = yield* TestApi.make({ routes: Closed.layer(Option.getOrThrow(found)) })
      for (const [method, path] of [
        ["GET", "/"],
        ["GET", "/health"],
        ["POST", "/v1/agents"],
        ["DELETE", "/a/b/c"]
      ] as const) {
        const answer = yield* api.call(method, path)
        assert.match(errorOf(answer), /^503 api_error: the variable ANTHROPIC_API_KEY holds an Anthropic API key/)
        assert.notInclude(JSON.stringify(answer.body), "secret")
      }
    })
  )
})
