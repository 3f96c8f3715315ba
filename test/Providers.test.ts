import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { fakeAi, streams } from "./support/fakeAi.ts"
import { configured, say, server } from "./support/providers.ts"

it.effect("asks the provider that the model's id names", () =>
  Effect.gen(function* () {
    const { url, requests } = yield* server()
    const ai = fakeAi(() => ({ stream: streams.text.openai }))
    const models = yield* configured({ OPENAI_BASE_URL: url, OPENAI_API_KEY: "k" }, ai)
    assert.strictEqual(yield* say(models, "local/org/name:7b"), "from the server")
    assert.strictEqual(requests[0]?.body.model, "org/name:7b")
    assert.strictEqual(requests[0]?.headers.authorization, "Bearer k")
    assert.strictEqual(yield* say(models, "@cf/zai-org/glm-4.7-flash"), "Hello 42")
    assert.include(yield* say(models, "demo"), "no AI is running")
  })
)

it.effect("asks Workers AI over REST where there is an account and no binding", () =>
  Effect.gen(function* () {
    const { url, requests } = yield* server()
    const models = yield* configured({
      CLOUDFLARE_ACCOUNT_ID: "acc",
      CLOUDFLARE_API_TOKEN: "t",
      CLOUDFLARE_API_BASE_URL: url
    })
    assert.strictEqual(yield* say(models, "@cf/x/y"), "from the server")
    assert.strictEqual(requests[0]?.path, "/v1/accounts/acc/ai/run/@cf/x/y")
  })
)

it.effect("an unknown model is an error that says what there is, never another model", () =>
  Effect.gen(function* () {
    const models = yield* configured({ OPENAI_BASE_URL: "http://127.0.0.1:9/v1" })
    for (const model of ["other/model", "@cf/x/y", "llama", "demo/x", ""]) {
      const { reason } = yield* Effect.flip(say(models, model))
      assert.strictEqual(reason._tag, "ModelNotFound")
      assert.include(reason.detail, "only: demo, local/...")
      assert.include(reason.detail, "CLOUDFLARE_ACCOUNT_ID")
    }
  })
)

it.effect("variables that are empty count as absent", () =>
  Effect.gen(function* () {
    const { url, requests } = yield* server()
    const nothing = yield* configured({ OPENAI_BASE_URL: "", CLOUDFLARE_ACCOUNT_ID: "", CLOUDFLARE_API_TOKEN: "" })
    assert.strictEqual((yield* Effect.flip(say(nothing, "local/m"))).reason._tag, "ModelNotFound")
    yield* say(yield* configured({ OPENAI_BASE_URL: url, OPENAI_API_KEY: "" }), "local/m")
    assert.isUndefined(requests[0]?.headers.authorization)
  })
)

it.effect("a vendor's key is refused, used or not", () =>
  Effect.gen(function* () {
    for (const config of [
      { OPENAI_API_KEY: "sk-ant-api03-x" },
      { OPENAI_API_KEY: "Bearer sk-ant-api03-x" },
      { OPENAI_API_KEY: "sk-ant-api03-x", OPENAI_BASE_URL: "http://127.0.0.1:9/v1" }
    ]) {
      const error = yield* Effect.flip(configured(config))
      assert.strictEqual(error._tag, "AnthropicKeyRefused")
      assert.include(error.message, "OPENAI_API_KEY")
      assert.notInclude(JSON.stringify(error), "api03")
    }
  })
)

it.effect("a time limit that is none stops the start", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(configured({ OWNLOOP_MODEL_CHUNK_TIMEOUT: "soon" }))
    assert.strictEqual(error._tag, "ConfigError")
  })
)
