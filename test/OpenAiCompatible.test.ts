import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as OpenAiCompatible from "../layers/model/OpenAiCompatible.ts"
import { EventId } from "../src/domain/Ids.ts"
import { ModelClient, type ModelError, type ModelPart } from "../src/ModelClient.ts"
import { request } from "./ModelClient.contract.ts"
import { chunk, event, type MockAnswer, startMockOpenAi } from "./support/mockOpenAi.ts"
import { afterWaiting, ask, partsOf, serve, stream, toolCalls } from "./support/openAiCompatible.ts"

const key = "a-key-that-nobody-may-read"

const reasonOf = (answer: MockAnswer) => Effect.map(Effect.flip(partsOf(answer)), ({ reason }) => reason)

describe("the request", () => {
  it.effect(
    "is a streamed chat completion of the model behind the prefix, with our ids and the session's affinity",
    () =>
      Effect.gen(function* () {
        const { url, requests } = yield* serve([{ text: "ok" }])
        const id = EventId.make("sevt_1")
        const asked = request("local/some/model", "", {
          messages: [
            { role: "user", text: "list" },
            {
              role: "assistant",
              text: "",
              reasoning: "hm",
              toolCalls: [{ id, name: "bash", input: { command: "ls" } }]
            },
            { role: "tool", toolCallId: id, name: "bash", text: "no such command", isError: true }
          ]
        })
        yield* ask(`${url}/`, asked, key)
        const [{ path, headers, body } = assert.fail("nothing came")] = requests
        assert.strictEqual(path, "/v1/chat/completions")
        assert.strictEqual(headers["x-session-affinity"], "sesn_test")
        assert.strictEqual(headers.authorization, `Bearer ${key}`)
        assert.deepStrictEqual(body, {
          model: "some/model",
          messages: [
            { role: "system", content: "Be brief." },
            { role: "user", content: "list" },
            {
              role: "assistant",
              content: "",
              reasoning_content: "hm",
              tool_calls: [{ id, type: "function", function: { name: "bash", arguments: '{"command":"ls"}' } }]
            },
            { role: "tool", tool_call_id: id, name: "bash", content: "Error: no such command" }
          ],
          tools: [
            {
              type: "function",
              function: {
                name: "bash",
                description: "Runs a command",
                parameters: { type: "object", properties: { command: { type: "string" } }, required: ["command"] }
              }
            }
          ],
          stream: true,
          stream_options: { include_usage: true }
        })
      })
  )

  it.effect("leaves out what there is none of", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* serve([{ text: "ok" }])
      yield* ask(url, request("local/m", "hello", { system: "", tools: [] }))
      const [{ headers, body } = assert.fail("nothing came")] = requests
      assert.isUndefined(headers.authorization)
      assert.deepStrictEqual(Object.keys(body), ["model", "stream", "stream_options", "messages"])
      assert.deepStrictEqual(body.messages, [{ role: "user", content: "hello" }])
    })
  )

  it.effect("goes over the connection of the one before it", () =>
    Effect.gen(function* () {
      const done = { raw: [event(chunk({ content: "one" })), "data: [DONE]\n\n"], ending: "late" } as const
      const { url, requests } = yield* serve([done, { text: "two" }])
      yield* ask(url)
      // Node's client frees a connection a moment after its answer was read.
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* ask(url)
      assert.strictEqual(requests[0]?.clientPort, requests[1]?.clientPort)
    })
  )

  it.effect("is not sent for a model of another provider", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* serve([])
      const error = yield* Effect.flip(ask(url, request("other/model", "hello")))
      assert.strictEqual(error.reason._tag, "ModelNotFound")
      assert.lengthOf(requests, 0)
    })
  )
})

const error = (message: string, fields: object = {}) => ({ error: { message, ...fields } })

const limited = (headers: Record<string, string>) => reasonOf({ status: 429, body: error("slow down"), headers })

describe("failures", () => {
  const statuses: ReadonlyArray<readonly [string, MockAnswer, ModelError["reason"]["_tag"], string]> = [
    ["a wrong key", { status: 401, body: error("bad key") }, "AuthenticationFailed", "bad key"],
    ["no permission", { status: 403, body: error("not yours") }, "AuthenticationFailed", "not yours"],
    ["no money", { status: 429, body: error("pay", { code: "insufficient_quota" }) }, "QuotaExceeded", "pay"],
    ["no capacity", { status: 529, body: { error: "busy" } }, "Overloaded", "busy"],
    ["a gateway's page", { status: 502, body: "<html>bad gateway</html>" }, "Overloaded", "bad gateway"],
    ["a failure of its own (llama.cpp on bad JSON)", { status: 500, body: error("parse") }, "Overloaded", "parse"],
    ["a timeout of its own", { status: 408, body: error("too slow") }, "TimedOut", "too slow"],
    ["too large a request (a proxy)", { status: 413, body: "<html>413</html>" }, "ContextOverflow", "413"],
    ["a bad request", { status: 400, body: error("tools: wrong") }, "InvalidRequest", "tools: wrong"],
    ["a bad field", { status: 422, body: { detail: [{ msg: "field required" }] } }, "InvalidRequest", "field required"],
    ["a wrong path", { status: 404, body: { message: "404 page not found" } }, "InvalidRequest", "404 page"],
    ["an unknown model (Ollama)", { status: 404, body: error("model 'x' not found") }, "ModelNotFound", "'x'"],
    [
      "an unknown model (vLLM)",
      { status: 404, body: { object: "error", message: "The model `x` does not exist.", code: 404 } },
      "ModelNotFound",
      "does not exist"
    ],
    [
      "too long a conversation (OpenAI)",
      { status: 400, body: error("too many tokens", { code: "context_length_exceeded" }) },
      "ContextOverflow",
      "too many tokens"
    ],
    [
      "too long a conversation (llama.cpp)",
      {
        status: 400,
        body: error("the request exceeds the available context size", { code: 400, type: "exceed_context_size_error" })
      },
      "ContextOverflow",
      "context size"
    ],
    [
      "too long a conversation (vLLM)",
      {
        status: 400,
        body: { object: "error", message: "This model's maximum context length is 8192 tokens. However, you ..." }
      },
      "ContextOverflow",
      "8192"
    ],
    ["an error within the stream", stream(chunk({ content: "a" }), error("lost it")), "Overloaded", "lost it"],
    [
      "too long a conversation, within the stream",
      stream(error("exceeded", { type: "exceed_context_size_error", code: 400 })),
      "ContextOverflow",
      "exceeded"
    ],
    ["an error with status 200", { status: 200, body: error("slow down", { code: 429 }) }, "RateLimited", "slow down"],
    [
      "a page of something else",
      { raw: "<!doctype html><p>Log in</p>", contentType: "text/html" },
      "InvalidResponse",
      "Log in"
    ],
    ["JSON of something else", { status: 200, body: { hello: "world" } }, "InvalidResponse", "hello"],
    ["JSON that is none", { raw: '{"choices": [', contentType: "application/json" }, "InvalidResponse", "choices"],
    ["a chunk that is no JSON", { raw: "data: what?\n\ndata: [DONE]\n\n" }, "InvalidResponse", "what?"],
    ["a chunk in the wrong shape", stream({ choices: [{ delta: { content: 7 } }] }), "InvalidResponse", "7"],
    [
      "a call without a name",
      stream(toolCalls({ index: 0, id: "1", function: { arguments: "{}" } }), chunk({}, "tool_calls")),
      "InvalidResponse",
      "no name"
    ],
    ["nothing", { raw: "" }, "InvalidResponse", "empty"],
    ["a stream without an end", { raw: event(chunk({ content: "a" })) }, "ConnectionFailed", "end marker"],
    ["a connection cut within the stream", { text: ["a", "b"], ending: "cut" }, "ConnectionFailed", ""],
    ["a connection cut within a chunk", { raw: 'data: {"choices": [{"de', ending: "cut" }, "ConnectionFailed", ""]
  ]
  for (const [what, answer, tag, detail] of statuses) {
    it.effect(`${what}: ${tag}`, () =>
      Effect.gen(function* () {
        const reason = yield* reasonOf(answer)
        assert.strictEqual(reason._tag, tag)
        assert.include(reason.detail, detail)
      })
    )
  }

  it.effect("too many requests: RateLimited, with the wait it asks for", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1, 12))
      const cases = [
        [{ "retry-after": "7" }, 7_000],
        [{ "retry-after-ms": "1500", "retry-after": "2" }, 1_500],
        [{ "retry-after": "Thu, 01 Jan 2026 12:00:30 GMT" }, 30_000],
        [{ "retry-after": "Thu, 01 Jan 2026 11:00:00 GMT" }, 0],
        [{ "retry-after": "soon" }, undefined],
        [{ "retry-after-ms": "Infinity", "retry-after": "2" }, 2_000],
        [{ "retry-after-ms": "9".repeat(400) }, undefined],
        [{ "retry-after": "9".repeat(400) }, undefined]
      ] as const
      for (const [headers, wait] of cases) {
        const reason = yield* limited(headers)
        assert.strictEqual(reason._tag, "RateLimited")
        assert.strictEqual("retryAfterMs" in reason ? reason.retryAfterMs : undefined, wait)
      }
    })
  )

  it.effect("what was said before a failure is not lost", () =>
    Effect.gen(function* () {
      const { url } = yield* serve([stream(chunk({ content: "a" }), error("lost it"))])
      const models = yield* Effect.provide(
        ModelClient,
        Layer.provide(OpenAiCompatible.layer({ name: "local", baseUrl: url }), FetchHttpClient.layer)
      )
      const seen: Array<ModelPart> = []
      const exit = yield* models.stream(request("local/m", "hello")).pipe(
        Stream.runForEach((part) => Effect.sync(() => seen.push(part))),
        Effect.exit
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(seen, [{ type: "text", text: "a" }])
    })
  )

  it.effect("nobody listens: ConnectionFailed, and it says where", () =>
    Effect.gen(function* () {
      const server = yield* Effect.promise(() => startMockOpenAi([]))
      yield* Effect.promise(server.close)
      const { reason } = yield* Effect.flip(ask(server.url))
      assert.strictEqual(reason._tag, "ConnectionFailed")
      assert.include(reason.detail, "ECONNREFUSED")
    })
  )

  it.effect("no answer begins: TimedOut after two minutes", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* serve(["hang"])
      const fiber = yield* Effect.forkChild(ask(url))
      yield* Effect.promise(async () => {
        while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
      })
      yield* TestClock.adjust("119 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const { reason } = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(reason._tag, "TimedOut")
      yield* Effect.promise(() => requests[0]!.abandoned)
    })
  )

  it.effect("an answer stops coming: TimedOut", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* serve([{ text: "a", ending: "hang" }])
      const fiber = yield* Effect.forkChild(ask(url))
      const { reason } = yield* Effect.flip(afterWaiting(fiber))
      assert.strictEqual(reason._tag, "TimedOut")
      yield* Effect.promise(() => requests[0]!.abandoned)
    })
  )

  it.effect("details are short, and never hold the key", () =>
    Effect.gen(function* () {
      const long = "x".repeat(490)
      const { url } = yield* serve([
        { status: 401, body: error(`wrong key: ${key}`) },
        { status: 400, body: error(`${long}${key}${long}`) },
        { raw: `<html>${key}</html>` }
      ])
      for (let index = 0; index < 3; index++) {
        const { reason } = yield* Effect.flip(ask(url, undefined, key))
        assert.isAtMost(reason.detail.length, 500)
        assert.notInclude(reason.detail, key.slice(0, 5))
      }
    })
  )

  it.effect("a vendor's key is refused before anything is sent", () =>
    Effect.gen(function* () {
      const layer = OpenAiCompatible.layer({
        name: "local",
        baseUrl: "http://127.0.0.1:9/v1",
        apiKey: Redacted.make("sk-ant-api03-secret")
      })
      const error = yield* Effect.flip(Layer.build(Layer.provide(layer, FetchHttpClient.layer)))
      assert.strictEqual(error._tag, "AnthropicKeyRefused")
      assert.notInclude(`${error.message}${JSON.stringify(error)}`, "sk-ant-api03")
    })
  )
})
