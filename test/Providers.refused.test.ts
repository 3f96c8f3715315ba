import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { configured, named } from "./support/providers.ts"

const url = "http://127.0.0.1:9/v1"

describe("what is wrong is refused, and the field is named", () => {
  const cases: ReadonlyArray<readonly [what: string, providers: unknown, field: string, detail: string]> = [
    ["no object", [1], "OWNLOOP_PROVIDERS", "must be a JSON object"],
    ["an entry that is none", { a: url }, "OWNLOOP_PROVIDERS.a", "Expected object"],
    ["no base URL", { a: {} }, "OWNLOOP_PROVIDERS.a.base_url", "is required"],
    ["a base URL of another type", { a: { base_url: 1 } }, "OWNLOOP_PROVIDERS.a.base_url", "Expected string"],
    ["no URL at all", { a: { base_url: "vllm:8000" } }, "OWNLOOP_PROVIDERS.a.base_url", "http or https URL"],
    ["a user in the URL", { a: { base_url: "https://u:p4ss@h/v1" } }, "OWNLOOP_PROVIDERS.a.base_url", "without a user"],
    ["a query in the URL", { a: { base_url: `${url}?key=p4ss` } }, "OWNLOOP_PROVIDERS.a.base_url", "a query"],
    ["an unknown field", { a: { base_url: url, api_key: "p4ss" } }, "OWNLOOP_PROVIDERS.a.api_key", "is unexpected"],
    [
      "a secret that is not set",
      { a: { base_url: url, api_key_secret: "MISSING" } },
      "OWNLOOP_PROVIDERS.a.api_key_secret",
      "the secret MISSING is not set"
    ],
    [
      "a secret of the deployment itself",
      { a: { base_url: url, api_key_secret: "OWNLOOP_ROOT_KEY" } },
      "OWNLOOP_PROVIDERS.a",
      "names OWNLOOP_ROOT_KEY"
    ],
    [
      "a secret that no header can hold",
      { a: { base_url: url, secret_headers: { "x-a": "BROKEN" } } },
      "OWNLOOP_PROVIDERS.a.secret_headers.x-a",
      "BROKEN holds a character"
    ],
    [
      "a credential that is written out",
      { a: { base_url: url, headers: { "CF-AIG-Authorization": "Bearer p4ss" } } },
      "OWNLOOP_PROVIDERS.a.headers.CF-AIG-Authorization",
      "secret_headers"
    ],
    [
      "a header that is Ownloop's own",
      { a: { base_url: url, headers: { "X-Session-Affinity": "1" } } },
      "OWNLOOP_PROVIDERS.a.headers.X-Session-Affinity",
      "is set by Ownloop"
    ],
    [
      "a header twice",
      { a: { base_url: url, headers: { "x-a": "1" }, secret_headers: { "X-A": "SET" } } },
      "OWNLOOP_PROVIDERS.a.secret_headers.X-A",
      "stands there twice"
    ],
    [
      "a line break in a header",
      { a: { base_url: url, headers: { "x-a": "1\r\nx-b: p4ss" } } },
      "OWNLOOP_PROVIDERS.a.headers.x-a",
      "no header may hold"
    ],
    [
      "no header name",
      { a: { base_url: url, headers: { "x a": "1" } } },
      "OWNLOOP_PROVIDERS.a.headers.x a",
      "no header"
    ],
    ["the name demo", { demo: { base_url: url } }, "OWNLOOP_PROVIDERS.demo", "the name is taken"],
    ["the name local", { local: { base_url: url } }, "OWNLOOP_PROVIDERS.local", "OPENAI_BASE_URL"],
    ["a name with a slash", { "a/b": { base_url: url } }, "OWNLOOP_PROVIDERS", '"a/b" is no name'],
    ["a name of Cloudflare's", { "@hf": { base_url: url } }, "OWNLOOP_PROVIDERS", '"@hf" is no name'],
    ["a gateway without an id", { "@cf": { gateway: {} } }, "OWNLOOP_PROVIDERS.@cf.gateway.id", "is required"],
    [
      "a key for every request of a gateway",
      { "@cf": { gateway: { id: "g", cacheKey: "k" } } },
      "OWNLOOP_PROVIDERS.@cf.gateway.cacheKey",
      "is unexpected"
    ]
  ]
  for (const [what, providers, field, detail] of cases) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(configured(named(providers, { BROKEN: "p4ss\n", SET: "p4ss" })))
        assert.include(error.message, detail)
        assert.isTrue(error.message.startsWith(`${field}: `), error.message)
        assert.notInclude(`${error.message}${JSON.stringify(error)}`, "p4ss")
      })
    )
  }

  it.effect("text that is no JSON, without quoting it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(configured({ OWNLOOP_PROVIDERS: '{"a": p4ss' }))
      assert.strictEqual(error.message, "OWNLOOP_PROVIDERS: must be a JSON object of name to settings")
    })
  )

  it.effect("the base URL of OPENAI_BASE_URL", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(configured({ OPENAI_BASE_URL: "https://u:p4ss@h/v1" }))
      assert.include(error.message, "OPENAI_BASE_URL: must be an http or https URL")
      assert.notInclude(error.message, "p4ss")
    })
  )
})

it.effect("a vendor's key is refused, in the variable and in the secrets that it names", () =>
  Effect.gen(function* () {
    for (const [config, where] of [
      [named({ a: { base_url: "https://h/sk-ant-api03-x" } }), "OWNLOOP_PROVIDERS"],
      [
        { OWNLOOP_PROVIDERS: '{"a": {"base_url": "https://h/v1", "headers": {"x-a": "sk-\\u0061nt-api03-x"}}}' },
        "OWNLOOP"
      ],
      [named({ a: { base_url: url, api_key_secret: "KEY" } }, { KEY: "sk-ant-api03-x" }), "the secret KEY"],
      [named({ a: { base_url: url, secret_headers: { "x-a": "KEY" } } }, { KEY: "Bearer sk-ant-api03-x" }), "KEY"]
    ] as const) {
      const error = yield* Effect.flip(configured(config))
      assert.strictEqual(error._tag, "AnthropicKeyRefused")
      assert.include(error.message, where)
      assert.notInclude(`${error.message}${JSON.stringify(error)}`, "api03")
    }
  })
)
