import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { expectTypeOf } from "vitest"
import { EgressHttpClient } from "../../src/EgressPolicy.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import { defineTool, type Tool, type ToolContext, type ToolEnv } from "../../src/tools/defineTool.ts"
import { call, noNetwork, noSandbox, registryOf } from "./support.ts"

declare module "../../src/tools/defineTool.ts" {
  interface ToolEnv {
    /** A binding that a deployment may have, for the types below. */
    readonly TEST_GREETING?: string
  }
}

const input = Schema.Struct({ name: Schema.String, times: Schema.optionalKey(Schema.Int) })

/** An upstream that answers what it was asked with. */
const echo = Layer.succeed(
  EgressHttpClient,
  HttpClient.make((request, url) =>
    Effect.succeed(
      HttpClientResponse.fromWeb(
        request,
        Response.json({ url: url.href, method: request.method, key: request.headers["idempotency-key"] })
      )
    )
  )
)

const run = (tool: Tool, layer: Layer.Layer<SandboxBackend | EgressHttpClient> = Layer.merge(noSandbox, noNetwork)) =>
  call(tool.name, { name: "Ada" }).pipe(
    Effect.provide(Layer.provide(registryOf([tool], { TEST_GREETING: "Hello" } as ToolEnv), layer)) // Only what is needed.
  )

describe("run", () => {
  it.effect("may be an Effect, with typed input and bindings", () =>
    Effect.gen(function* () {
      const greet = defineTool({
        name: "greet",
        description: "",
        input,
        run: Effect.fnUntraced(function* (input, context) {
          expectTypeOf(input).toEqualTypeOf<{ readonly name: string; readonly times?: number }>()
          expectTypeOf(context).toEqualTypeOf<ToolContext>()
          expectTypeOf(context.env.TEST_GREETING).toEqualTypeOf<string | undefined>()
          yield* Effect.yieldNow
          return `${context.env.TEST_GREETING}, ${input.name}`
        })
      })
      assert.deepStrictEqual(yield* run(greet), { text: "Hello, Ada", isError: false })
    })
  )

  it.effect("may be async, with typed input and bindings", () =>
    Effect.gen(function* () {
      const greet = defineTool({
        name: "greet",
        description: "",
        input,
        requires: (env) => {
          expectTypeOf(env).toEqualTypeOf<ToolEnv>()
          return env.TEST_GREETING === undefined ? "no greeting" : null
        },
        run: async ({ name, times }, { env, signal }) => {
          expectTypeOf(name).toEqualTypeOf<string>()
          expectTypeOf(times).toEqualTypeOf<number | undefined>()
          signal.throwIfAborted()
          return { greeting: `${env.TEST_GREETING}, ${name}` }
        }
      })
      assert.deepStrictEqual(yield* run(greet), { text: '{"greeting":"Hello, Ada"}', isError: false })
    })
  )

  it("may answer only what can be shown as text", () => {
    // @ts-expect-error a function is no JSON
    defineTool({ name: "odd", description: "", input, run: async () => () => 1 })
  })
})

describe("context", () => {
  it.effect("names the session and the call", () =>
    Effect.gen(function* () {
      const tool = defineTool({
        name: "tell",
        description: "",
        input,
        run: async (_, { sessionId, idempotencyKey }) => [sessionId, idempotencyKey]
      })
      assert.strictEqual((yield* run(tool)).text, '["sesn_1","sesn_1:sevt_1"]')
    })
  )

  it.effect("sends the idempotency key with every request, unless it has its own", () =>
    Effect.gen(function* () {
      const tool = defineTool({
        name: "send",
        description: "",
        input,
        run: Effect.fnUntraced(function* (_, { http, fetch }) {
          const own = HttpClientRequest.get("https://a.example/own").pipe(
            HttpClientRequest.setHeader("Idempotency-Key", "own")
          )
          return [
            yield* Effect.flatMap(http.get("https://a.example/http"), (response) => response.json),
            yield* Effect.flatMap(http.execute(own), (response) => response.json),
            yield* Effect.promise(async () => {
              const response = await fetch("https://a.example/fetch?q=1", { method: "POST", body: "hi" })
              return (await response.json()) as Schema.Json // What `echo` answers.
            })
          ]
        })
      })
      const { text } = yield* run(tool, Layer.merge(noSandbox, echo))
      assert.deepStrictEqual(JSON.parse(text), [
        { url: "https://a.example/http", method: "GET", key: "sesn_1:sevt_1" },
        { url: "https://a.example/own", method: "GET", key: "own" },
        { url: "https://a.example/fetch?q=1", method: "POST", key: "sesn_1:sevt_1" }
      ])
    })
  )

  it.effect("runs Effects for those who write promises", () =>
    Effect.gen(function* () {
      const files = Layer.mock(SandboxBackend, { readFile: (path) => Effect.succeed(new TextEncoder().encode(path)) })
      const tool = defineTool({
        name: "read_it",
        description: "",
        input,
        run: async (_, { workspace, runPromise }) =>
          new TextDecoder().decode(await runPromise(workspace.readFile("a.txt")))
      })
      assert.strictEqual((yield* run(tool, Layer.merge(files, noNetwork))).text, "a.txt")
    })
  )
})
