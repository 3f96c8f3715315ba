import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { Aead, Mac, SecureRandom } from "effect/crypto"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as VaultsMemory from "../layers/storage/VaultsMemory.ts"
import type { McpOauth, SecretField } from "../src/domain/Vault.ts"
import { type Asked, TokenRefresh } from "../src/oauth/TokenRefresh.ts"
import { SecretBox } from "../src/SecretBox.ts"
import { type StoredCredential, Vaults } from "../src/Vaults.ts"
import { credential, vault } from "./support/records.ts"

type Refresh = NonNullable<McpOauth["refresh"]>

const endpoint = "https://login.example.com/token"
const auth = (refresh: Partial<Refresh> = {}, server = "https://mcp.example.com/mcp"): McpOauth => ({
  type: "mcp_oauth",
  mcp_server_url: server,
  expires_at: null,
  refresh: {
    client_id: "me",
    token_endpoint: endpoint,
    token_endpoint_auth: { type: "none" },
    resource: null,
    scope: null,
    ...refresh
  }
})

interface Form {
  readonly form: Record<string, string>
  readonly authorization: string | undefined
}

/** What an endpoint is asked and answers, over a vault and a box of its own. */
const world = (answer: (asked: number) => Effect.Effect<Response>) => {
  const asked: Array<Form> = []
  const reached = Deferred.makeUnsafe<void>()
  const http = HttpClient.make((request) =>
    Effect.gen(function* () {
      const body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
      const form = Object.fromEntries(new URLSearchParams(body))
      asked.push({ form, authorization: request.headers["authorization"] })
      yield* Deferred.succeed(reached, undefined)
      return HttpClientResponse.fromWeb(request, yield* answer(asked.length))
    })
  )
  const key = Buffer.alloc(32, 1).toString("base64")
  const layer = TokenRefresh.layer.pipe(
    Layer.provideMerge(Layer.fresh(VaultsMemory.layer)),
    Layer.provideMerge(SecretBox.layer),
    Layer.provide([Aead.layerWebCrypto, Mac.layerWebCrypto, Layer.succeed(HttpClient.HttpClient, http)]),
    Layer.provide([
      SecureRandom.layerWebCrypto,
      ConfigProvider.layer(ConfigProvider.fromUnknown({ OWNLOOP_ROOT_KEY: `k1:${key}` }))
    ])
  )
  return { asked, layer, reached: Deferred.await(reached) }
}

const gives = (fields: object, status = 200) => Effect.sync(() => Response.json(fields, { status }))
const tokens = { access_token: "access-token-2", refresh_token: "refresh-token-2", token_type: "bearer" }

const place = (field: SecretField) => ({ vault: vault("1").id, credential: credential("1").id, field })
const seal = (field: SecretField, value: string) => SecretBox.use((box) => box.seal(Redacted.make(value), place(field)))

const stored = (of: McpOauth = auth()) =>
  Effect.gen(function* () {
    const vaults = yield* Vaults
    const secrets = {
      access_token: yield* seal("access_token", "access-token-1"),
      refresh_token: yield* seal("refresh_token", "refresh-token-1"),
      client_secret: yield* seal("client_secret", "client secret/1")
    }
    const stored: StoredCredential = { credential: credential("1", { auth: of }), secrets }
    yield* vaults.putVault(vault("1"))
    yield* vaults.putCredential(stored)
    return stored
  })

const now = Effect.flatMap(Vaults, (vaults) =>
  Effect.map(vaults.credential(vault("1").id, credential("1").id), Option.getOrThrow)
)

const opened = Effect.gen(function* () {
  const { secrets } = yield* now
  const values: Record<string, string> = {}
  for (const [field, sealed] of Object.entries(secrets) as Array<[SecretField, never]>) {
    const value = yield* SecretBox.use((box) => box.open(sealed, place(field)))
    values[field] = Redacted.value(value)
  }
  return values
})

const refresh = (seen: StoredCredential) => TokenRefresh.use((tokens) => tokens.refresh(seen))
const failing = (seen: StoredCredential) =>
  Effect.map(Effect.flip(refresh(seen)), (error) =>
    error._tag === "TokenRefreshFailed" ? ([error.detail, error.asked] as const) : error
  )
const answered = (status: number): Asked => ({ url: endpoint, status })

describe("a token is refreshed", () => {
  it.effect("by what the endpoint needs to know the client, and both new tokens are stored encrypted", () => {
    const { asked, layer } = world(() => gives({ ...tokens, expires_in: 60 }))
    return Effect.gen(function* () {
      const form = { grant_type: "refresh_token", refresh_token: "refresh-token-1" }
      const cases: ReadonlyArray<readonly [refresh: Partial<Refresh>, form: object, authorization?: string]> = [
        [{}, { client_id: "me" }],
        [
          { scope: "a b", resource: "https://mcp.example.com" },
          { client_id: "me", scope: "a b", resource: "https://mcp.example.com" }
        ],
        [
          { token_endpoint_auth: { type: "client_secret_post" } },
          { client_id: "me", client_secret: "client secret/1" }
        ],
        [{ token_endpoint_auth: { type: "client_secret_basic" } }, {}, `Basic ${btoa("me:client%20secret%2F1")}`]
      ]
      for (const [fields, expected, authorization] of cases) {
        assert.deepStrictEqual(yield* refresh(yield* stored(auth(fields))), answered(200))
        assert.deepStrictEqual(asked.at(-1), { form: { ...form, ...expected }, authorization })
      }
      assert.deepStrictEqual(yield* opened, {
        access_token: "access-token-2",
        refresh_token: "refresh-token-2",
        client_secret: "client secret/1"
      })
      const { credential: after, refreshing } = yield* now
      assert.deepInclude(after.auth, { expires_at: "1970-01-01T00:01:00.000Z" })
      assert.isUndefined(refreshing)
      assert.notInclude(JSON.stringify(yield* now), "token-2")
    }).pipe(Effect.provide(layer))
  })

  it.effect("and keeps the refresh token that it has where it is given no other", () => {
    const { layer } = world(() => gives({ access_token: "access-token-2" }))
    return Effect.gen(function* () {
      yield* refresh(yield* stored())
      assert.deepInclude(yield* opened, { access_token: "access-token-2", refresh_token: "refresh-token-1" })
    }).pipe(Effect.provide(layer))
  })

  it.effect("once for all who ask at the same time, and for those who have seen an older one", () => {
    const answer = Deferred.makeUnsafe<Response>()
    const { asked, layer, reached } = world(() => Deferred.await(answer))
    return Effect.gen(function* () {
      const seen = yield* stored()
      const all = yield* Effect.forkChild(
        Effect.all(
          [1, 2, 3].map(() => refresh(seen)),
          { concurrency: 3 }
        )
      )
      yield* reached
      yield* Deferred.succeed(answer, Response.json(tokens))
      // Those who wait look again as time passes, until the tokens are stored.
      const waiting = yield* Effect.forkChild(
        Effect.forever(Effect.andThen(Effect.yieldNow, TestClock.adjust("50 millis")))
      )
      const answers = yield* Fiber.join(all)
      yield* Fiber.interrupt(waiting)
      assert.deepStrictEqual(
        answers.toSorted((a) => (a === null ? 1 : -1)),
        [answered(200), null, null]
      )
      assert.strictEqual(yield* refresh(seen), null)
      assert.lengthOf(asked, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("by another where whoever began is gone", () => {
    const { asked, layer, reached } = world((count) => (count === 1 ? Effect.never : gives(tokens)))
    return Effect.gen(function* () {
      const seen = yield* stored()
      const gone = yield* Effect.forkChild(refresh(seen))
      yield* reached
      yield* Fiber.interrupt(gone)
      const other = yield* Effect.forkChild(refresh(seen))
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(asked, 1)
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(yield* Fiber.join(other), answered(200))
    }).pipe(Effect.provide(layer))
  })

  it.effect(
    "also where something else of the credential changes meanwhile, but not over tokens that are set anew",
    () => {
      let meanwhile: Effect.Effect<void> = Effect.void
      const { layer } = world(() => Effect.andThen(meanwhile, gives(tokens)))
      return Effect.gen(function* () {
        const vaults = yield* Vaults
        const box = yield* SecretBox
        const seen = yield* stored()
        meanwhile = Effect.gen(function* () {
          const found = Option.getOrThrow(yield* vaults.credential(vault("1").id, credential("1").id))
          const refresh_token = yield* box.seal(Redacted.make("refresh-token-1"), place("refresh_token"))
          const renamed = { ...found.credential, display_name: "renamed" }
          yield* vaults.putCredential({ credential: renamed, secrets: { ...found.secrets, refresh_token } })
        }).pipe(Effect.orDie)
        yield* refresh(seen)
        assert.strictEqual((yield* now).credential.display_name, "renamed")
        assert.deepInclude(yield* opened, { access_token: "access-token-2", refresh_token: "refresh-token-2" })

        const again = yield* now
        meanwhile = Effect.gen(function* () {
          const refresh_token = yield* box.seal(Redacted.make("refresh-token-9"), place("refresh_token"))
          yield* vaults.putCredential({ ...again, secrets: { ...again.secrets, refresh_token } })
        }).pipe(Effect.orDie)
        yield* refresh(again)
        assert.deepInclude(yield* opened, { refresh_token: "refresh-token-9" })
      }).pipe(Effect.provide(layer))
    }
  )
})

describe("a token is not refreshed", () => {
  const anthropic = `sk-ant-${"x".repeat(20)}`
  const cases: ReadonlyArray<readonly [when: string, answer: () => Effect.Effect<Response>, detail: string]> = [
    ["the endpoint refuses", () => gives({ error: "invalid_grant" }, 400), "answered 400 invalid_grant"],
    ["its error is no code", () => gives({ error: "refresh-token-1 is bad" }, 400), "answered 400"],
    ["it fails in HTML", () => Effect.sync(() => new Response("<html>", { status: 502 })), "answered 502"],
    ["it says an error with 200", () => gives({ error: "bad_refresh_token" }), "answered 200 bad_refresh_token"],
    ["it gives no token", () => gives({ token: "x" }), "answered 200, without a token"],
    ["its token is no header", () => gives({ access_token: "access\r\nx-evil: 1" }), "answered 200, without a token"],
    ["its token is too short to be known again", () => gives({ access_token: "abc" }), "answered 200, without a token"],
    ["it gives another type", () => gives({ ...tokens, token_type: "mac" }), "gave a token of another type"],
    ["it redirects", () => Effect.sync(() => Response.redirect("https://evil.example/", 307)), "redirects (307)"],
    ["it gives an Anthropic key", () => gives({ access_token: anthropic }), "answered with an Anthropic API key"]
  ]
  it.effect.each(cases)("where %s", ([, answer, detail]) => {
    const { layer } = world(answer)
    return Effect.gen(function* () {
      const seen = yield* stored()
      const status = (yield* answer()).status
      assert.deepStrictEqual(yield* failing(seen), [`its token endpoint ${detail}`, answered(status)])
      assert.deepStrictEqual((yield* now).secrets, seen.secrets)
      assert.notMatch(JSON.stringify(yield* now), /sk-ant-|access-token|refresh-token/)
    }).pipe(Effect.provide(layer))
  })

  it.effect("where the endpoint does not answer in time", () => {
    const { layer, reached } = world(() => Effect.never)
    return Effect.gen(function* () {
      const seen = yield* stored()
      const fiber = yield* Effect.forkChild(failing(seen))
      yield* reached
      yield* TestClock.adjust("15 seconds")
      const none = { url: endpoint, status: null }
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["its token endpoint did not answer", none])
    }).pipe(Effect.provide(layer))
  })

  it.effect("again for a while where that was refused, until its tokens are set anew", () => {
    const { asked, layer } = world(() => gives({ error: "invalid_grant" }, 400))
    return Effect.gen(function* () {
      const detail = "its token endpoint answered 400 invalid_grant"
      const seen = yield* stored()
      assert.deepStrictEqual(yield* failing(seen), [detail, answered(400)])
      assert.deepStrictEqual(yield* failing(seen), [detail, null])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* failing(seen), [detail, answered(400)])
      assert.deepStrictEqual(yield* failing(yield* stored()), [detail, answered(400)])
      assert.lengthOf(asked, 3)
    }).pipe(Effect.provide(layer))
  })

  it.effect("where the endpoint is not on the public internet, unless the server of the token is there too", () => {
    const { asked, layer } = world(() => gives(tokens))
    return Effect.gen(function* () {
      const token_endpoint = "https://10.0.0.1:8443/token"
      assert.deepStrictEqual(yield* failing(yield* stored(auth({ token_endpoint }))), [
        "its token endpoint has a private address, where the server of the token is not",
        null
      ])
      for (const host of ["127.0.0.1", "2130706433", "[::1]", "localhost.", "169.254.169.254", "10.0.0.1"]) {
        const error = yield* Effect.flip(refresh(yield* stored(auth({ token_endpoint: `https://${host}/` }))))
        assert.match(error.message, /its token endpoint has a .+ address/, host)
      }
      assert.lengthOf(asked, 0)
      const near = yield* stored(auth({ token_endpoint }, "https://10.0.0.1:8443/mcp"))
      assert.deepStrictEqual(yield* refresh(near), { url: token_endpoint, status: 200 })
    }).pipe(Effect.provide(layer))
  })

  it.effect("where the credential has nothing to do so with, or is archived", () => {
    const { asked, layer } = world(() => gives(tokens))
    return Effect.gen(function* () {
      const vaults = yield* Vaults
      const seen = yield* stored({ ...auth(), refresh: null })
      assert.deepStrictEqual(yield* failing(seen), ["it has no refresh token", null])
      yield* vaults.archiveVault(vault("1").id, "2026-11-23T00:00:00.000Z")
      assert.deepStrictEqual(yield* failing(seen), ["it is archived", null])
      assert.lengthOf(asked, 0)
    }).pipe(Effect.provide(layer))
  })
})
