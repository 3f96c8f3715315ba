import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { HttpClientRequest } from "effect/http"
import * as InProcess from "../../layers/egress/InProcessHttpClient.ts"
import * as Recording from "../../layers/egress/Recording.ts"
import { EgressHttpClient } from "../../src/EgressPolicy.ts"
import { defineTool } from "../../src/tools/defineTool.ts"
import { call, noSandbox, registryOf } from "../tools/support.ts"
import { upstream } from "./upstream.ts"
import { limited } from "./urls.ts"

const withClient = <A, E>(
  allowed: ReadonlyArray<string>,
  program: Effect.Effect<A, E, EgressHttpClient | Recording.Decisions>
) => Effect.provide(program, InProcess.layer().pipe(Layer.provideMerge(Recording.layer(limited(...allowed)))))

describe("EgressHttpClient", () => {
  it.effect("sends through the gateway, without the trace's own headers", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      yield* withClient(
        [host],
        Effect.gen(function* () {
          const client = yield* EgressHttpClient
          const response = yield* client.post(`http://${host}/a?q=1`, {
            body: HttpClientRequest.post("/").pipe(HttpClientRequest.bodyText("hello")).body
          })
          assert.strictEqual(response.status, 200)
          assert.deepInclude(JSON.parse(yield* response.text), { method: "POST", url: "/a?q=1", body: "hello" })
          assert.deepStrictEqual(
            (yield* yield* Recording.Decisions).map(({ outcome, path }) => [outcome, path]),
            [["allowed", "/a"]]
          )
        })
      )
      assert.doesNotHaveAnyKeys(seen[0]?.headers, ["traceparent", "b3"])
    })
  )

  it.effect("hands a redirect to the tool that asks for it, and follows it for any other", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const url = `http://${host}/to?status=302&location=/end`
      const visit = defineTool({
        name: "visit",
        description: "",
        input: Schema.Struct({ redirect: Schema.optionalKey(Schema.Literals(["manual", "error"])) }),
        run: async (init, { fetch }) => {
          const { headers, status } = await fetch(url, init)
          return [status, headers.get("location")]
        }
      })
      const results = yield* withClient(
        [host],
        Effect.forEach([{ redirect: "manual" }, { redirect: "error" }, {}], (input) => call("visit", input)).pipe(
          Effect.provide(registryOf([visit]).pipe(Layer.provide(noSandbox)))
        )
      )
      assert.deepStrictEqual(
        results.map(({ text }) => text),
        ['[302,"/end"]', "[502,null]", "[200,null]"]
      )
      assert.strictEqual(seen.length, 4)
    })
  )

  it.effect("streams a body up", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const body = Stream.fromIterable(["hel", "lo"]).pipe(Stream.encodeText)
      yield* withClient(
        [host],
        Effect.flatMap(EgressHttpClient, (client) =>
          client.execute(HttpClientRequest.put(`http://${host}/`).pipe(HttpClientRequest.bodyStream(body)))
        )
      )
      assert.strictEqual(seen[0]?.body, "hello")
    })
  )

  it.effect("is answered with 403 where the policy blocks, and nothing is sent", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const [status, body] = yield* withClient(
        [],
        Effect.gen(function* () {
          const response = yield* (yield* EgressHttpClient).get(`http://${host}/`)
          return [response.status, yield* response.json] as const
        })
      )
      assert.strictEqual(status, 403)
      assert.nestedPropertyVal(body, "error.type", "egress_blocked")
      assert.deepStrictEqual(seen, [])
    })
  )
})
