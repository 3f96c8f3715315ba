import { afterEach, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option, Struct } from "effect"
import { TestClock } from "effect/testing"
import { type JWTPayload, SignJWT, UnsecuredJWT } from "jose"
import { vi } from "vitest"
import * as CloudflareAccess from "../../layers/access/CloudflareAccess.ts"
import { AccessKeysUnavailable, AccessTokenInvalid } from "../../src/AccessTokens.ts"
import { audience, domain, makeSigner, person, serveKeys, service, sign, type Signer } from "./team.ts"

const at = Date.parse("2026-11-24T10:00:00.000Z")
const now = at / 1000

let signer: Signer
let other: Signer
let keys: Awaited<ReturnType<typeof serveKeys>>

beforeAll(async () => {
  signer = await makeSigner("first")
  other = await makeSigner("second")
})

beforeEach(async () => {
  keys = await serveKeys(signer)
  vi.useFakeTimers({ toFake: ["Date"], now: at })
})

afterEach(async () => {
  vi.useRealTimers()
  await keys.close()
})

const settings = { issuer: `https://${domain}`, audience: ["other-tag", audience], scope: "read" } as const

/** The clock of the tokens, and that of the library which keeps the keys. */
const pass = (seconds: number) =>
  Effect.andThen(
    TestClock.adjust(`${seconds} seconds`),
    Effect.sync(() => vi.setSystemTime(Date.now() + seconds * 1000))
  )

const access = Effect.gen(function* () {
  yield* TestClock.setTime(at)
  return CloudflareAccess.make(settings, keys.fetch)
})

const token = (claims: JWTPayload, by = signer) => Effect.promise(() => sign(claims, by))

describe("a token of Cloudflare Access", () => {
  it.effect("says which person or which service token comes, and what they may do", () =>
    Effect.gen(function* () {
      const { scope, verify } = yield* access
      assert.strictEqual(scope, "read")
      assert.deepStrictEqual(yield* verify(yield* token(person(now))), { type: "user", id: "ada@example.com" })
      assert.deepStrictEqual(yield* verify(yield* token(service(now))), {
        type: "service_token",
        id: "e367826f93b8d71185e03fe518aff3b4.access"
      })
      assert.strictEqual(keys.state.served, 1)
    })
  )

  const wrong: Record<string, (claims: JWTPayload) => JWTPayload> = {
    "of another team": (claims) => ({ ...claims, iss: "https://evil.cloudflareaccess.com" }),
    "with an issuer that only begins alike": (claims) => ({ ...claims, iss: `https://${domain}.evil.com` }),
    "without an issuer": (claims) => Struct.omit(claims, ["iss"]),
    "of another application": (claims) => ({ ...claims, aud: ["another"] }),
    "without an audience": (claims) => Struct.omit(claims, ["aud"]),
    "that is over": (claims) => ({ ...claims, exp: now - 6 }),
    "without an end": (claims) => Struct.omit(claims, ["exp"]),
    "that is not valid yet": (claims) => ({ ...claims, nbf: now + 6 }),
    "without the time it was made": (claims) => Struct.omit(claims, ["iat"]),
    "of nobody": (claims) => ({ ...Struct.omit(claims, ["email"]), sub: "" })
  }
  for (const [which, change] of Object.entries(wrong)) {
    it.effect(`${which} is refused`, () =>
      Effect.gen(function* () {
        const { verify } = yield* access
        const text = yield* token(change(person(now)))
        const error = yield* Effect.flip(verify(text))
        assert.instanceOf(error, AccessTokenInvalid)
        assert.notInclude(error.message, text.slice(-20))
      })
    )
  }

  it.effect("is refused however else it is signed", () =>
    Effect.gen(function* () {
      const { verify } = yield* access
      const claims = person(now)
      const secret = new TextEncoder().encode(JSON.stringify(signer.jwk))
      const good = yield* token(claims)
      const [head = "", , signature = ""] = good.split(".")
      const forged = yield* Effect.promise(async () => [
        new UnsecuredJWT(claims).encode(),
        // HS256 with the public key as the secret.
        await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: signer.kid }).sign(secret),
        await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: signer.kid }).sign(other.privateKey),
        // A payload that another signature was made for.
        `${head}.${btoa(JSON.stringify({ ...claims, email: "eve@example.com" })).replaceAll("=", "")}.${signature}`,
        `${good.split(".").slice(0, 2).join(".")}.`,
        good.slice(0, -8),
        "",
        "not a token",
        "a.b.c"
      ])
      for (const text of forged) assert.instanceOf(yield* Effect.flip(verify(text)), AccessTokenInvalid, text)
      assert.strictEqual(keys.state.served, 1)
    })
  )

  it.effect("ends when its time is over", () =>
    Effect.gen(function* () {
      const { verify } = yield* access
      const text = yield* token(person(now))
      yield* verify(text)
      yield* pass(66)
      assert.include((yield* Effect.flip(verify(text))).message, "exp")
    })
  )
})

describe("the keys of the team", () => {
  it.effect("are read again for a key that is new, but not at will", () =>
    Effect.gen(function* () {
      const { verify } = yield* access
      yield* verify(yield* token(person(now)))
      keys.state.signers = [signer, other]
      const rotated = yield* token(person(now), other)
      for (let count = 0; count < 10; count++)
        assert.instanceOf(yield* Effect.flip(verify(rotated)), AccessTokenInvalid)
      assert.strictEqual(keys.state.served, 1)
      yield* pass(30)
      yield* verify(rotated)
      assert.strictEqual(keys.state.served, 2)
      const invented = yield* token(person(now), { ...other, kid: "invented" })
      for (let count = 0; count < 10; count++)
        assert.instanceOf(yield* Effect.flip(verify(invented)), AccessTokenInvalid)
      assert.strictEqual(keys.state.served, 2)
    })
  )

  it.effect("that are withdrawn are forgotten after an hour", () =>
    Effect.gen(function* () {
      const { verify } = yield* access
      yield* verify(yield* token(person(now)))
      keys.state.signers = [other]
      yield* pass(3_600)
      assert.instanceOf(yield* Effect.flip(verify(yield* token(person(now + 3_600)))), AccessTokenInvalid)
      assert.strictEqual(keys.state.served, 2)
    })
  )

  it.effect("that cannot be read let nobody in, and are asked for once in 30 seconds", () =>
    Effect.gen(function* () {
      const { verify } = yield* access
      keys.state.status = 500
      const text = yield* token(person(now))
      for (let count = 0; count < 10; count++) {
        const error = yield* Effect.flip(verify(text))
        assert.instanceOf(error, AccessKeysUnavailable)
        assert.include(error.message, `https://${domain}/cdn-cgi/access/certs`)
      }
      assert.strictEqual(keys.state.served, 1)
      keys.state.status = 200
      yield* pass(30)
      yield* verify(text)
    })
  )
})

describe("the settings of Cloudflare Access", () => {
  const read = (env: Record<string, string>) =>
    CloudflareAccess.settings.pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env))))

  it.effect("are the team's domain, the application's tag, and a scope, which is read", () =>
    Effect.gen(function* () {
      const good = { CF_ACCESS_TEAM_DOMAIN: domain, CF_ACCESS_AUD: audience }
      const expected = { issuer: `https://${domain}`, audience: [audience], scope: "read" as const }
      assert.deepStrictEqual(yield* read(good), Option.some(expected))
      assert.deepStrictEqual(
        yield* read({ ...good, CF_ACCESS_TEAM_DOMAIN: `https://${domain}/`, CF_ACCESS_SCOPE: "run" }),
        Option.some({ ...expected, scope: "run" })
      )
      assert.deepStrictEqual(
        yield* read({ ...good, CF_ACCESS_AUD: "a, b" }),
        Option.some({ ...expected, audience: ["a", "b"] })
      )
      assert.deepStrictEqual(yield* read({}), Option.none())
      assert.deepStrictEqual(yield* read({ CF_ACCESS_TEAM_DOMAIN: "", CF_ACCESS_AUD: "" }), Option.none())
    })
  )

  const broken: ReadonlyArray<readonly [name: string, env: Record<string, string>]> = [
    ["CF_ACCESS_AUD", { CF_ACCESS_TEAM_DOMAIN: domain }],
    ["CF_ACCESS_TEAM_DOMAIN", { CF_ACCESS_AUD: audience }],
    ["CF_ACCESS_TEAM_DOMAIN", { CF_ACCESS_SCOPE: "read" }],
    ["CF_ACCESS_TEAM_DOMAIN", { CF_ACCESS_TEAM_DOMAIN: "evil.example.com", CF_ACCESS_AUD: audience }],
    ["CF_ACCESS_TEAM_DOMAIN", { CF_ACCESS_TEAM_DOMAIN: `http://${domain}`, CF_ACCESS_AUD: audience }],
    ["CF_ACCESS_TEAM_DOMAIN", { CF_ACCESS_TEAM_DOMAIN: `${domain}/x`, CF_ACCESS_AUD: audience }],
    ["CF_ACCESS_AUD", { CF_ACCESS_TEAM_DOMAIN: domain, CF_ACCESS_AUD: "a,,b" }],
    ["CF_ACCESS_SCOPE", { CF_ACCESS_TEAM_DOMAIN: domain, CF_ACCESS_AUD: audience, CF_ACCESS_SCOPE: "all" }]
  ]
  it.effect.each(broken)("are refused where %s is missing or wrong: %j", ([name, env]) =>
    Effect.gen(function* () {
      assert.match((yield* Effect.flip(read(env))).message, new RegExp(`^the setting ${name} must be `))
    })
  )
})
