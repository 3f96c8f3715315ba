import { afterEach, assert, describe, it } from "@effect/vitest"
import { createTestHarness } from "wrangler"
import { localConfig } from "../scripts/config.ts"

/** Who is let in, in the real Worker. */

const servers: Array<{ close: () => Promise<void> }> = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const serve = async (vars: Record<string, string>) => {
  const server = createTestHarness({ workers: [{ config: localConfig({ vars, without: ["build"] }) }] })
  servers.push(server)
  await server.listen()
  await server.getWorker().applyD1Migrations("CATALOG")
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
    const get = await serve({})
    const { status, body } = await get({ "x-api-key": "" })
    assert.strictEqual(status, 503)
    assert.include(body.error!.message, "OWNLOOP_API_KEY")
  })

  for (const [name, vars] of Object.entries({
    "ANTHROPIC_API_KEY is set": { ANTHROPIC_API_KEY: "anything" },
    "a secret holds an Anthropic key": { OPENAI_API_KEY: secret },
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
})
