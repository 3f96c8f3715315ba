import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option } from "effect"
import { AccessKeysUnavailable, AccessTokenInvalid, AccessTokens } from "../../src/AccessTokens.ts"
import * as Origins from "../../src/api/Origins.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf, key } = TestApi

/** A rate limit as Cloudflare binds it, of so many requests that never come back. */
const limitOf = (limit: number) => {
  const counts = new Map<string, number>()
  return {
    counts,
    limit: async ({ key }: { key: string }) => {
      counts.set(key, (counts.get(key) ?? 0) + 1)
      return { success: counts.get(key)! <= limit }
    }
  }
}

const times = (count: number, api: TestApi.TestApi, headers: Record<string, string>) =>
  Effect.map(
    Effect.forEach(Array.from({ length: count }), () => api.call("GET", "/v1/agents", undefined, headers)),
    (answers) => answers.map(({ status }) => status)
  )

describe("rate limits", () => {
  it.effect("count callers by who they are, and the refusal says when to come again", () =>
    Effect.gen(function* () {
      const requests = limitOf(2)
      const api = yield* TestApi.make({ rateLimits: { requests } })
      assert.deepStrictEqual(yield* times(3, api, {}), [200, 200, 429])
      const answer = yield* api.get("/v1/agents")
      assert.strictEqual(errorOf(answer), "429 rate_limit_error: too many requests: wait a moment")
      assert.strictEqual(answer.headers.get("retry-after"), "10")
      assert.deepStrictEqual([...requests.counts.keys()], ["deployment_key OWNLOOP_API_KEY"])
      assert.strictEqual((yield* api.get("/health")).status, 200)
    })
  )

  it.effect("count strangers by their address, and let those in meanwhile who are known", () =>
    Effect.gen(function* () {
      const strangers = limitOf(2)
      const api = yield* TestApi.make({ rateLimits: { strangers } })
      const from = (address: string, authorization = "Bearer wrong") => ({ authorization, "cf-connecting-ip": address })
      assert.deepStrictEqual(yield* times(3, api, from("192.0.2.1")), [401, 401, 429])
      assert.deepStrictEqual(yield* times(1, api, from("192.0.2.2")), [401])
      assert.deepStrictEqual(yield* times(1, api, from("192.0.2.1", `Bearer ${key}`)), [200])
      const { body } = yield* api.post<{ readonly key: string }>("/v1/api_keys", { name: "n", scope: "read" })
      assert.deepStrictEqual(yield* times(1, api, from("192.0.2.3", `Bearer ${body.key}`)), [200])
      assert.deepStrictEqual(yield* times(2, api, from("192.0.2.1", `Bearer ${body.key}`)), [200, 200])
      // No key is looked up for an address that has asked too often.
      const { body: second } = yield* api.post<{ readonly key: string }>("/v1/api_keys", { name: "n", scope: "read" })
      assert.deepStrictEqual(yield* times(1, api, from("192.0.2.1", `Bearer ${second.key}`)), [429])
    })
  )

  it.effect("take an IPv6 network for one address", () =>
    Effect.gen(function* () {
      const strangers = limitOf(2)
      const api = yield* TestApi.make({ rateLimits: { strangers } })
      const addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1", "::1"]
      for (const address of addresses)
        yield* times(1, api, { authorization: "Bearer wrong", "cf-connecting-ip": address })
      assert.deepStrictEqual(
        [...strangers.counts],
        [
          ["2001:db8:1:2", 3],
          ["2001:db8:1:3", 1],
          [":0:0:0", 1]
        ]
      )
    })
  )

  it.effect("that break let nothing pass", () =>
    Effect.gen(function* () {
      const broken = { limit: () => Promise.reject(new Error("the binding is broken")) }
      const api = yield* TestApi.make({ rateLimits: { requests: broken } })
      assert.match(errorOf(yield* api.get("/v1/agents")), /^500 api_error/)
    })
  )
})

describe("Cloudflare Access", () => {
  const access = AccessTokens.of(
    Option.some({
      scope: "run",
      verify: (token) => {
        if (token === "good") return Effect.succeed({ type: "user", id: "ada@example.com" } as const)
        if (token === "down") return Effect.fail(new AccessKeysUnavailable({ url: "https://team/certs" }))
        return Effect.fail(new AccessTokenInvalid({ detail: "it is too old" }))
      }
    })
  )
  const through = (token: string, authorization = "") => ({ authorization, "cf-access-jwt-assertion": token })

  it.effect("lets in whom it knows, with the scope of the setting, and says why it does not", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make({ access, apiKey: null })
      const call = (method: string, path: string, headers: Record<string, string>) =>
        api.call(method, path, undefined, headers)
      assert.strictEqual((yield* call("GET", "/v1/agents", through("good"))).status, 200)
      assert.strictEqual((yield* call("POST", "/v1/sessions/sesn_1/archive", through("good"))).status, 404)
      assert.strictEqual(
        errorOf(yield* call("GET", "/v1/api_keys", through("good"))),
        "403 permission_error: this needs the scope admin; the caller (user ada@example.com) has the scope run"
      )
      assert.strictEqual(
        errorOf(yield* call("GET", "/v1/agents", through("old"))),
        "401 authentication_error: the token of Cloudflare Access is not accepted: it is too old"
      )
      assert.match(errorOf(yield* call("GET", "/v1/agents", through("down"))), /^503 api_error: the keys of Cloudflare/)
      assert.match(
        errorOf(yield* call("GET", "/v1/agents", { authorization: "" })),
        /^401 .* through Cloudflare Access$/
      )
    })
  )

  it.effect("stands back where a key is good", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make({ access })
      for (const token of ["good", "old", "down"])
        assert.strictEqual(
          (yield* api.call("GET", "/v1/api_keys", undefined, through(token, `Bearer ${key}`))).status,
          200
        )
      assert.strictEqual((yield* api.call("GET", "/v1/agents", undefined, through("good", "Bearer x"))).status, 200)
    })
  )

  it.effect("is nothing where it is not set up, whatever the header says", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      assert.match(errorOf(yield* api.call("GET", "/v1/agents", undefined, through("good"))), /^401/)
    })
  )
})

describe("other origins", () => {
  const listed = "https://app.example.com"

  it.effect("may do nothing by default, not even with the key", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      for (const origin of [listed, "null", "http://ownloop.test.evil.com", "https://ownloop.test", "garbage"]) {
        for (const [method, path] of [
          ["GET", "/v1/agents"],
          ["OPTIONS", "/v1/agents"],
          ["POST", "/v1/agents/agent_1/archive"],
          ["GET", "/v1/sessions/sesn_1/events/stream"],
          ["GET", "/health"]
        ] as const) {
          const answer = yield* api.call(method, path, undefined, { origin })
          assert.match(
            errorOf(answer),
            /^403 permission_error: pages of this origin may not use this API: CORS_ORIGINS/
          )
          assert.isNull(answer.headers.get("access-control-allow-origin"))
        }
      }
      const own = yield* api.call("GET", "/v1/agents", undefined, { origin: "http://ownloop.test" })
      assert.strictEqual(own.status, 200)
      assert.isNull(own.headers.get("access-control-allow-origin"))
    })
  )

  it.effect("that are listed may, after a preflight that needs no key", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make({ origins: [listed, "http://localhost:5173"] })
      const preflight = yield* api.call("OPTIONS", "/v1/agents", undefined, {
        authorization: "",
        origin: listed,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type"
      })
      assert.strictEqual(preflight.status, 204)
      assert.strictEqual(preflight.headers.get("access-control-allow-headers"), "authorization, content-type")
      assert.strictEqual(preflight.headers.get("access-control-allow-methods"), "GET, POST, DELETE")
      const answer = yield* api.call("GET", "/v1/agents", undefined, { origin: listed })
      const refused = yield* api.call("GET", "/v1/agents", undefined, { origin: listed, authorization: "" })
      assert.deepStrictEqual([answer.status, refused.status], [200, 401])
      for (const { headers } of [preflight, answer, refused]) {
        assert.strictEqual(headers.get("access-control-allow-origin"), listed)
        assert.strictEqual(headers.get("access-control-allow-credentials"), "true")
        assert.strictEqual(headers.get("vary"), "Origin")
      }
      assert.strictEqual(
        (yield* api.call("GET", "/v1/agents", undefined, { origin: `${listed}.evil.com` })).status,
        403
      )
    })
  )

  const read = (CORS_ORIGINS: string) =>
    Origins.setting.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ CORS_ORIGINS }))))

  it.effect("are a list of origins, and nothing wider", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual([...(yield* read(`${listed}, http://localhost:5173,`))], [listed, "http://localhost:5173"])
      assert.deepStrictEqual([...(yield* read(""))], [])
      for (const wrong of [
        "*",
        "null",
        "example.com",
        `${listed}/`,
        `${listed}/x`,
        "https://*.example.com/",
        "file://"
      ])
        assert.match(
          (yield* Effect.flip(read(`${listed},${wrong}`))).message,
          /^the setting CORS_ORIGINS .*place 2/,
          wrong
        )
    })
  )
})

describe("every answer", () => {
  it.effect("says what a browser may do with it, and over TLS that there is no other way", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const headers = { authorization: `Bearer ${key}` }
      for (const path of ["/v1/agents", "/v1/agents/agent_none", "/nothing", "/health", "/openapi.json"]) {
        const [plain, secure] = yield* Effect.promise(() =>
          Promise.all(["http", "https"].map((scheme) => api.fetch(`${scheme}://ownloop.test${path}`, { headers })))
        )
        for (const answer of [plain!, secure!]) {
          assert.strictEqual(
            answer.headers.get("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
          )
          assert.strictEqual(answer.headers.get("x-content-type-options"), "nosniff")
          assert.strictEqual(answer.headers.get("referrer-policy"), "no-referrer")
          assert.strictEqual(answer.headers.get("cache-control"), "no-store")
        }
        assert.isNull(plain!.headers.get("strict-transport-security"))
        assert.strictEqual(secure!.headers.get("strict-transport-security"), "max-age=31536000")
      }
    })
  )
})
