import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { fakeAi, streams } from "./support/fakeAi.ts"
import { startMockOpenAi } from "./support/mockOpenAi.ts"
import { configured, named, say, server } from "./support/providers.ts"

/** Providers that a deployment names itself, in `OWNLOOP_PROVIDERS`. */

it.effect("Workers AI, a vLLM box, Ollama and an AI Gateway, side by side", () =>
  Effect.gen(function* () {
    const [vllm, ollama, gateway, local] = yield* Effect.all(["vLLM", "Ollama", "a gateway", "local"].map(server))
    const ai = fakeAi(() => ({ stream: streams.text.openai }))
    const models = yield* configured(
      named(
        {
          vllm: { base_url: vllm!.url, api_key_secret: "VLLM_KEY" },
          ollama: { base_url: `${ollama!.url}/` },
          gateway: {
            base_url: `${gateway!.url}/account/gw/compat`,
            headers: { "cf-aig-skip-cache": "true" },
            secret_headers: { "cf-aig-authorization": "GATEWAY_AUTHORIZATION" }
          }
        },
        { OPENAI_BASE_URL: local!.url, VLLM_KEY: "k1", GATEWAY_AUTHORIZATION: "Bearer g1" }
      ),
      ai
    )
    const asked = ["@cf/zai-org/glm-4.7-flash", "vllm/org/m", "ollama/m:7b", "gateway/workers-ai/@cf/x/y", "local/m"]
    assert.deepStrictEqual(yield* Effect.forEach(asked, (model) => say(models, model)), [
      "Hello 42",
      "vLLM",
      "Ollama",
      "a gateway",
      "local"
    ])
    const [box] = vllm!.requests
    assert.deepStrictEqual([box?.body.model, box?.headers.authorization], ["org/m", "Bearer k1"])
    assert.isUndefined(ollama!.requests[0]?.headers.authorization)
    assert.strictEqual(ollama!.requests[0]?.path, "/v1/chat/completions")
    const [routed] = gateway!.requests
    assert.strictEqual(routed?.path, "/v1/account/gw/compat/chat/completions")
    assert.strictEqual(routed?.body.model, "workers-ai/@cf/x/y")
    assert.deepInclude(routed?.headers, { "cf-aig-authorization": "Bearer g1", "cf-aig-skip-cache": "true" })
    assert.isUndefined(routed?.headers.authorization)
  })
)

it.effect("a model of no configured provider is an error that lists those there are", () =>
  Effect.gen(function* () {
    const models = yield* configured(named({ vllm: { base_url: "http://127.0.0.1:9/v1" } }))
    const { reason } = yield* Effect.flip(say(models, "vlm/m"))
    assert.strictEqual(reason._tag, "ModelNotFound")
    assert.include(reason.detail, "only: demo, vllm/...")
    assert.include(reason.detail, "OWNLOOP_PROVIDERS")
  })
)

it.effect("what a server repeats of a secret header is masked", () =>
  Effect.gen(function* () {
    const refusing = yield* Effect.acquireRelease(
      Effect.promise(() => startMockOpenAi([{ status: 401, body: { error: { message: "bad token t0ken" } } }])),
      (server) => Effect.promise(server.close)
    )
    const providers = { a: { base_url: refusing.url, secret_headers: { "cf-aig-authorization": "AUTH" } } }
    const models = yield* configured(named(providers, { AUTH: "Bearer t0ken" }))
    const { reason } = yield* Effect.flip(say(models, "a/m"))
    assert.deepStrictEqual([reason._tag, reason.detail], ["AuthenticationFailed", "bad token [key]"])
  })
)
