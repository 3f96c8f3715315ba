import { readFileSync } from "node:fs"
import { afterEach, assert, describe, it } from "@effect/vitest"
import { vi } from "vitest"
import { createTestHarness } from "wrangler"
import { localConfig } from "../scripts/config.ts"
import { audience, domain, makeSigner, person, serveKeys, service, sign } from "./access/team.ts"

/** Who is let in, in the real Worker. */

const servers: Array<{ close: () => Promise<unknown> }> = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const listen = async (vars: Record<string, string>, options: { readonly rateLimits?: boolean } = {}) => {
  const server = createTestHarness({ workers: [{ config: localConfig({ vars, ...options, without: ["build"] }) }] })
  servers.push(server)
  await server.listen()
  await server.getWorker().applyD1Migrations("CATALOG")
  return server
}

const serve = async (vars: Record<string, string>) => {
  const server = await listen(vars)
  return async (headers: Record<string, string>, path = "/v1/agents") => {
    const response = await server.fetch(path, { headers })
    const text = await response.text()
    assert.match(response.headers.get("request-id") ?? "", /^req_/)
    return { status: response.status, text, body: JSON.parse(text) as { error?: { type: string; message: string } } }
  }
}

const secret = "sk-ant-api03-do-not-echo"

describe("the Worker's door", () => {
  it("lets the key in, by either header, and nothing else", async () => {
    const get = await serve({ OWNLOOP_API_KEY: "right" })
    assert.strictEqual((await get({ "x-api-key": "right" })).status, 200)
    assert.strictEqual((await get({ authorization: "Bearer right" })).status, 200)
    for (const headers of [{}, { "x-api-key": "wrong" }, { authorization: "Bearer right x" }] as const) {
      const { status, body } = await get(headers)
      assert.strictEqual(status, 401)
      assert.strictEqual(body.error?.type, "authentication_error")
    }
  })

  it("refuses an Anthropic key in either header, and does not echo it", async () => {
    const get = await serve({ OWNLOOP_API_KEY: "right" })
    for (const headers of [{ "x-api-key": secret }, { authorization: `Bearer ${secret}` }]) {
      const { status, text } = await get(headers)
      assert.strictEqual(status, 401)
      assert.notInclude(text, secret)
      assert.include(text, "Anthropic")
    }
  })

  it("is closed while no key is set, and says which", async () => {
    const server = await listen({})
    const response = await server.fetch("/v1/agents", { headers: { "x-api-key": "" } })
    assert.strictEqual(response.status, 503)
    assert.include(await response.text(), "OWNLOOP_API_KEY")
    assert.strictEqual(await (await server.fetch("/")).text(), page)
  })

  for (const [name, vars] of Object.entries({
    "ANTHROPIC_API_KEY is set": { ANTHROPIC_API_KEY: "anything" },
    "a secret holds an Anthropic key": { OPENAI_API_KEY: secret },
    "a JSON variable holds one": { SHOP: { keys: ["x", { key: secret }] } as unknown as string },
    "an egress header holds one": { EGRESS_HEADERS: JSON.stringify({ "example.com": { "x-key": secret } }) }
  })) {
    it(`answers nothing but the reason where ${name}`, async () => {
      const get = await serve({ OWNLOOP_API_KEY: "right", ...vars })
      for (const path of ["/v1/agents", "/health", "/openapi.json"]) {
        const { status, text } = await get({ "x-api-key": "right" }, path)
        assert.strictEqual(status, 503)
        assert.include(text, "Anthropic")
        assert.notInclude(text, secret)
      }
    })
  }

  for (const [name, vars] of Object.entries({
    CORS_ORIGINS: { CORS_ORIGINS: "*" },
    CF_ACCESS_AUD: { CF_ACCESS_TEAM_DOMAIN: domain }
  })) {
    it(`answers nothing but the reason where ${name} is broken`, async () => {
      const get = await serve({ OWNLOOP_API_KEY: "right", ...vars })
      const { status, body } = await get({ "x-api-key": "right" })
      assert.strictEqual(status, 503)
      assert.match(body.error!.message, new RegExp(`^the setting ${name} .* Mend it and deploy again$`))
    })
  }

  it("makes API keys, keeps them in the catalog without their values, notes their use, and revokes them", async () => {
    const server = await listen({ OWNLOOP_API_KEY: "right" })
    const call = async (key: string, method: string, path: string, body?: object) => {
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" }
      const response = await server.fetch(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
      return { status: response.status, body: (await response.json()) as Record<string, string> }
    }
    const { id, key } = (await call("right", "POST", "/v1/api_keys", { name: "ci", scope: "read" })).body as {
      id: string
      key: string
    }
    assert.strictEqual((await call(key, "GET", "/v1/agents")).status, 200)
    const denied = await call(key, "POST", "/v1/environments", { name: "x" })
    assert.strictEqual(denied.status, 403)
    // Noted once the answer is out.
    let used: string | null | undefined = null
    while (used === null) used = (await call("right", "GET", `/v1/api_keys/${id}`)).body["last_used_at"]
    assert.match(used ?? "", /^\d{4}-/)
    const { CATALOG } = await server.getWorker<{ readonly CATALOG: D1Database }>().getEnv()
    const { results } = await CATALOG.prepare("SELECT * FROM api_keys").all()
    assert.strictEqual(results.length, 1)
    assert.notInclude(JSON.stringify(results), key)
    assert.strictEqual((await call("right", "POST", `/v1/api_keys/${id}`, { status: "archived" })).status, 200)
    assert.strictEqual((await call(key, "GET", "/v1/agents")).status, 401)
  })

  it("lets people and service tokens in that come through Cloudflare Access, without any key of its own", async () => {
    const signer = await makeSigner("first")
    const keys = await serveKeys(signer)
    servers.push(keys)
    // What the Worker sends goes through this process.
    vi.stubGlobal("fetch", (url: string, request: RequestInit) => keys.fetch(new Request(url, request)))
    try {
      const get = await serve({ CF_ACCESS_TEAM_DOMAIN: domain, CF_ACCESS_AUD: audience })
      const now = Math.floor(Date.now() / 1000)
      for (const claims of [person(now), service(now)]) {
        const token = { "cf-access-jwt-assertion": await sign(claims, signer) }
        assert.strictEqual((await get(token)).status, 200)
        assert.strictEqual((await get({ ...token, authorization: "Bearer something" })).status, 200)
        const { status, body } = await get(token, "/v1/api_keys")
        assert.strictEqual(status, 403)
        assert.include(body.error!.message, "this needs the scope admin")
      }
      assert.strictEqual(keys.state.served, 1)
      assert.strictEqual((await get({})).status, 401)
      const old = await get({ "cf-access-jwt-assertion": await sign(person(now - 3_600), signer) })
      assert.strictEqual(old.status, 401)
      assert.include(old.body.error!.message, "the token of Cloudflare Access is not accepted")
      const cookie = `CF_Authorization=${await sign(person(now), signer)}`
      assert.strictEqual((await get({ cookie })).status, 401)
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it("counts with Cloudflare's rate limits: strangers by address, callers by who they are", async () => {
    const server = await listen({ OWNLOOP_API_KEY: "right" }, { rateLimits: true })
    const get = (key: string) => server.fetch("/v1/tools", { headers: { "x-api-key": key } })
    const statuses = new Set<number>()
    for (let count = 0; count < 100 && !statuses.has(429); count++) statuses.add((await get("wrong")).status)
    assert.deepStrictEqual([...statuses], [401, 429])
    // Who is known is not held up by others of the same address, up to a limit of its own.
    let last = await get("right")
    assert.strictEqual(last.status, 200)
    for (let count = 0; count < 1_000 && last.status === 200; count++) {
      await last.body?.cancel()
      last = await get("right")
    }
    assert.strictEqual(last.status, 429)
    assert.strictEqual(last.headers.get("retry-after"), "10")
    const { error } = (await last.json()) as { error: { type: string } }
    assert.strictEqual(error.type, "rate_limit_error")
  })

  it("says with every answer, and with the console, what a browser may do with it", async () => {
    const server = await listen({ OWNLOOP_API_KEY: "right" })
    const expected = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" }
    for (const path of ["/health", "/openapi.json", "/v1/agents", "/nothing", "/", "/console.css"]) {
      const { headers } = await server.fetch(path)
      for (const [name, value] of Object.entries(expected)) assert.strictEqual(headers.get(name), value, path)
      assert.match(headers.get("content-security-policy") ?? "", /^default-src .*frame-ancestors 'none'/, path)
      assert.isNull(headers.get("access-control-allow-origin"), path)
    }
    assert.strictEqual(await (await server.fetch("/")).text(), page)
  })
})

/** The console is the same file whoever asks, and however the deployment is set up. */
const page = readFileSync("console/index.html", "utf8")
