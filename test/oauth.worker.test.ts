import { randomBytes } from "node:crypto"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { runAll } from "./escape/world.ts"
import { persisted } from "./support/persisted.ts"
import { startScriptedModel } from "./support/scriptedModel.ts"
import { holds } from "./support/secrets.ts"
import { startSecureSite } from "./support/site.ts"
import { startWorker, type Worker } from "./support/worker.ts"

/** A server that wants OAuth tokens, and the endpoint that gives them, as a session of the real Worker meets them. */

let worker: Worker
let model: Awaited<ReturnType<typeof startScriptedModel>>
let site: Awaited<ReturnType<typeof startSecureSite>>

const token = (name: string) => `${name}-secret-${randomBytes(12).toString("hex")}`
const issued: Array<string> = []
const sessions: Array<string> = []

/** What the server takes, and what the endpoint does. */
let state: {
  access: string
  refresh: string
  lifetime: number
  refuses: boolean
  /** Of each request for a token, its form. */
  asked: Array<Record<string, string>>
  /** Of each request, whether it was taken. */
  visits: Array<readonly [body: string, taken: boolean]>
}

const secretOf = token("client")

const issue = () => {
  state.access = token("access")
  state.refresh = token("refresh")
  issued.push(state.access, state.refresh)
}

beforeAll(async () => {
  model = await startScriptedModel()
  site = await startSecureSite((request, response) => {
    let body = ""
    request.on("data", (chunk) => (body += String(chunk)))
    request.on("end", () => {
      if (request.url === "/token") {
        const form = Object.fromEntries(new URLSearchParams(body))
        state.asked.push(form)
        // An endpoint that takes a refresh token once gives none of a family whose old one it sees again.
        if (state.refuses || form["refresh_token"] !== state.refresh) {
          response.writeHead(400).end(JSON.stringify({ error: "invalid_grant", error_description: body }))
          return
        }
        issue()
        const { access: access_token, lifetime: expires_in, refresh: refresh_token } = state
        response.end(JSON.stringify({ access_token, token_type: "Bearer", expires_in, refresh_token }))
        return
      }
      const taken = request.headers.authorization === `Bearer ${state.access}`
      state.visits.push([body, taken])
      response.writeHead(taken ? 200 : 401).end(taken ? `welcome, ${request.headers.authorization}` : "who are you?")
    })
  })
  worker = await startWorker({
    OPENAI_BASE_URL: model.url,
    OWNLOOP_ROOT_KEY: `test:${randomBytes(32).toString("base64")}`
  })
})

beforeEach(() => {
  state = { access: "", refresh: "", lifetime: 3_600, refuses: false, asked: [], visits: [] }
  issue()
})

afterAll(async () => {
  await worker.close()
  await Promise.all([model.close(), site.close()])
})

const vaultOf = async () => {
  const { vaults } = worker.client.beta
  const { id } = await vaults.create({ display_name: "oauth" })
  const credential = await vaults.credentials.create(id, {
    auth: {
      type: "mcp_oauth",
      mcp_server_url: `${site.url}/mcp`,
      access_token: state.access,
      refresh: {
        client_id: "ownloop",
        refresh_token: state.refresh,
        token_endpoint: `${site.url}/token`,
        token_endpoint_auth: { type: "client_secret_post", client_secret: secretOf }
      }
    }
  })
  return { vault: id, credential: credential.id }
}

/** Runs commands of one session after the other, and answers what they said and what the audit has of each. */
const run = async (vault: string, ...commands: ReadonlyArray<string>) => {
  const calls = commands.map((command) => ({ name: "bash", input: { command } }))
  const ran = await runAll({ model, worker, vault }, { hosts: [site.host] }, calls)
  sessions.push(ran.id)
  return {
    ...ran,
    decisions: ran.decisions.map((all) => all.map(({ path, outcome, status }) => [path, outcome, status]).toReversed())
  }
}

const post = (body: string) => `curl -s -d '${body}' ${site.url}/mcp`
const rejectAccess = () => void (state.access = token("other"))

describe("an OAuth token", () => {
  it("that the server refuses is refreshed, and the request sent again with the new one", async () => {
    const { vault } = await vaultOf()
    rejectAccess()
    const { decisions, results } = await run(vault, post("one"), post("two"))
    for (const result of results) assert.match(result, /^welcome, \[redacted\]/)
    assert.deepStrictEqual(state.visits, [
      ["one", false],
      ["one", true],
      ["two", true]
    ])
    assert.deepStrictEqual(decisions, [
      [
        ["/mcp", "injected", 401],
        ["/token", "injected", 200],
        ["/mcp", "injected", 200]
      ],
      [["/mcp", "injected", 200]]
    ])
    assert.lengthOf(state.asked, 1)
    assert.deepInclude(state.asked[0], { grant_type: "refresh_token", client_id: "ownloop", client_secret: secretOf })
  })

  it("that has expired is refreshed before it is sent", async () => {
    const { vault } = await vaultOf()
    rejectAccess()
    state.lifetime = 0
    const { decisions } = await run(vault, post("one"), post("two"))
    assert.deepStrictEqual(decisions[1], [
      ["/token", "injected", 200],
      ["/mcp", "blocked", null]
    ])
    state.lifetime = 3_600
    const { decisions: later, results } = await run(vault, post("three"))
    assert.deepStrictEqual(later, [
      [
        ["/token", "injected", 200],
        ["/mcp", "injected", 200]
      ]
    ])
    assert.include(results[0], "welcome")
    assert.isFalse(state.visits.some(([body]) => body === "two"))
  })

  it("is refreshed once for all requests that need it at the same time, of all sessions", async () => {
    const { vault } = await vaultOf()
    rejectAccess()
    const many = Array.from({ length: 4 }, (_, index) => `${post(`at once ${index}`)} &`).join(" ")
    const ran = await Promise.all([run(vault, `${many} wait`), run(vault, `${many} wait`)])
    assert.lengthOf(state.asked, 1)
    assert.lengthOf(
      state.visits.filter(([, taken]) => taken),
      8
    )
    for (const { results } of ran) assert.lengthOf(results[0]!.match(/welcome/g) ?? [], 4)
  })

  it("that can be refreshed no more stops what needs it, and the session says why", async () => {
    const { credential, vault } = await vaultOf()
    state.refuses = true
    rejectAccess()
    const { log, results } = await run(vault, `${post("refused")}; ${post("again")}`)
    assert.match(results[0]!, /^who are you\?who are you\?/)
    assert.lengthOf(state.asked, 1)
    const reasons = log.flatMap((event) =>
      (event.type as string) === "span.egress_request" ? [(event as { readonly reason?: string }).reason] : []
    )
    assert.include(
      reasons,
      `the access token of ${credential} was not refreshed: its token endpoint answered 400 invalid_grant`
    )
    // Set anew, it works at once.
    issue()
    await worker.client.beta.vaults.credentials.update(credential, {
      vault_id: vault,
      auth: { type: "mcp_oauth", access_token: state.access }
    })
    assert.include((await run(vault, post("anew"))).results[0], "welcome")
  })

  it("leaves no value behind", async () => {
    const stored = await persisted(worker, sessions)
    assert.include(stored, "was not refreshed")
    for (const secret of [secretOf, ...issued]) assert.isFalse(holds(stored, secret), secret)
  })
})
