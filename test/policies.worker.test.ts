import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Policy } from "../src/domain/Policy.ts"
import type { MockAnswer } from "./support/mockOpenAi.ts"
import { type ScriptedModel, startScriptedModel, tool } from "./support/scriptedModel.ts"
import { startSession, startSite, startWorker, stopReason, type Worker } from "./support/worker.ts"

/** Policies in the real Worker: real tools in a real isolate, the gateway in its own, the catalog in D1. */

let worker: Worker
let model: ScriptedModel
let site: Awaited<ReturnType<typeof startSite>>
const visits: Array<string> = []
const scripted: ScriptedModel["scripted"] = (...answers) => model.scripted(...answers)

beforeAll(async () => {
  model = await startScriptedModel()
  site = await startSite((request, response) => {
    visits.push(`${request.method} ${request.url}`)
    response.setHeader("content-type", "text/plain").end("one two three")
  })
  worker = await startWorker({ OPENAI_BASE_URL: model.url })
})

afterAll(async () => {
  await worker.close()
  await Promise.all([model.close(), site.close()])
})

const post = async <A>(path: string, body: object): Promise<A> => {
  const response = await worker.fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
  assert.strictEqual(response.status, 200, await response.clone().text())
  return (await response.json()) as A // The test says what it expects.
}

const savePolicy = (rules: ReadonlyArray<object>, id = "") =>
  post<{ readonly id: string; readonly version: string }>(`/v1/policies${id === "" ? "" : `/${id}`}`, {
    name: "site",
    rules
  })

const siteRule = (effect: string, fields: object = {}) => {
  const { hostname, port } = new URL(site.url)
  return { effect, host: hostname, port: Number(port), ...fields }
}

describe("a policy of the environment", () => {
  it("decides by method and path, for every way out, and the audit names rule, version and tool call", async () => {
    const { id, version } = await savePolicy([siteRule("allow", { methods: ["GET"], path: "/open/*" })])
    const session = await startSession(worker, {
      policies: [id],
      model: scripted(
        tool("web_fetch", { url: `${site.url}/open/fetched` }),
        tool("bash", { command: `curl -s ${site.url}/open/curled` }),
        tool("bash", { command: `node -e 'await fetch("${site.url}/open/scripted")'` }),
        tool("bash", { command: `curl -s -X POST ${site.url}/open/posted; curl -s ${site.url}/closed` }),
        { text: "done" }
      )
    })
    await session.send("go")
    await session.untilIdle()
    const log: ReadonlyArray<{
      readonly type: string
      readonly id: string
      readonly egress_decision_id?: string
    }> = await session.events()
    const uses = log.filter((event) => event.type === "agent.tool_use").map((event) => event.id)
    const decisions = (await session.decisions(worker.fetch)).data.toReversed()
    assert.deepStrictEqual(
      decisions.map(({ path, outcome, rule, tool_use_id }) => [path, outcome, rule, uses.indexOf(tool_use_id!)]),
      [
        ["/open/fetched", "allowed", "rules[0]", 0],
        ["/open/curled", "allowed", "rules[0]", 1],
        ["/open/scripted", "allowed", "rules[0]", 2],
        ["/open/posted", "blocked", null, 3],
        ["/closed", "blocked", null, 3]
      ]
    )
    // The log shows the same, each before the result of its call.
    const shown = log.flatMap((event) =>
      event.egress_decision_id !== undefined || event.type === "agent.tool_result"
        ? [event.egress_decision_id ?? "result"]
        : []
    )
    const ids = decisions.map(({ id }) => id)
    assert.deepStrictEqual(shown, [ids[0], "result", ids[1], "result", ids[2], "result", ids[3], ids[4], "result"])
    assert.isTrue(decisions.every(({ agent_id }) => agent_id?.startsWith("agent_")))
    const { policy_id, policy_version, bytes_in, bytes_out } = decisions[0]!
    assert.deepEqual([policy_id, policy_version, bytes_in, bytes_out], [id, version, 13, 0])
    assert.deepStrictEqual(
      visits.filter((visit) => visit.includes("posted") || visit.includes("closed")),
      []
    )
  })

  it("may hand a request to the user's own code, or to a service that has to be there", async () => {
    const code = `export default ({ url }) => new Response("from the proxy: " + new URL(url).pathname)`
    const { id } = await savePolicy([
      siteRule("allow", { path: "/proxied", via: { type: "proxy", code } }),
      siteRule("allow", { path: "/bound", via: { type: "binding", binding: "PRIVATE" } })
    ])
    const session = await startSession(worker, {
      policies: [id],
      model: scripted(tool("bash", { command: `curl -s ${site.url}/proxied; curl -s ${site.url}/bound` }), {
        text: "done"
      })
    })
    await session.send("go")
    await session.settle()
    const result = JSON.stringify((await session.events()).find((event) => event.type === "agent.tool_result"))
    assert.include(result, "from the proxy: /proxied")
    assert.include(result, `the Worker has no service bound as PRIVATE, which ${id} rules[1] names`)
    assert.isFalse(visits.some((visit) => /proxied|bound/.test(visit)))
  })

  it("is noticed by a running session at its next request: a new version, and one that is archived", async () => {
    const { id } = await savePolicy([siteRule("deny")])
    const fetches = (path: string) => tool("bash", { command: `curl -s ${site.url}${path}` })
    const session = await startSession(worker, {
      policies: [id],
      model: scripted(fetches("/first"), { text: "1" }, fetches("/second"), { text: "2" }, fetches("/third"), {
        text: "3"
      })
    })
    await session.send("one")
    await session.settle()
    await savePolicy([siteRule("allow")], id)
    await session.send("two")
    await session.settle()
    await post(`/v1/policies/${id}/archive`, {})
    await session.send("three")
    await session.settle()
    assert.deepStrictEqual(
      (await session.decisions(worker.fetch)).data.map(({ path, outcome, reason }) => [path, outcome, reason]),
      [
        ["/third", "blocked", `the policy ${id} is archived`],
        ["/second", "allowed", `${id} rules[0]`],
        ["/first", "blocked", `${id} rules[0]`]
      ]
    )
  })
})

describe("a rule that asks", () => {
  const fetches = (path: string) => tool("bash", { command: `curl -s ${site.url}${path}` })

  const ask = async (...script: ReadonlyArray<MockAnswer>) => {
    const { id } = await savePolicy([siteRule("ask")])
    const session = await startSession(worker, { policies: [id], model: scripted(...script) })
    await session.send("go")
    await session.settle()
    const question = async () => {
      const idle = (await session.events()).findLast((event) => event.type === "session.status_idle")
      const reason = idle?.stop_reason
      assert.strictEqual(reason?.type, "requires_action")
      return reason?.type === "requires_action" ? reason.event_ids[0]! : ""
    }
    const confirm = async (sdk: "client" | "client0", result: "allow" | "deny", fields: object = {}) => {
      const confirmation = { type: "user.tool_confirmation" as const, tool_use_id: await question(), result, ...fields }
      // Both SDKs have the same shape of this event.
      await worker[sdk].beta.sessions.events.send(session.id, { events: [confirmation] })
      await session.settle()
    }
    const outcomes = async () =>
      (await session.decisions(worker.fetch)).data.map(({ outcome, approval }) => `${outcome} ${approval}`).toReversed()
    return { policy: id, session, question, confirm, outcomes }
  }

  for (const sdk of ["client", "client0"] as const) {
    it(`waits for a person, whom the ${sdk === "client" ? "1.12" : "0.120"} SDK shows a tool call to confirm, also after its object was gone`, async () => {
      const path = `/asked-${sdk}`
      const { session, question, confirm, outcomes } = await ask(fetches(path), fetches(path), fetches(path), {
        text: "done"
      })
      const events = await session.events()
      const asked = events.find((event) => event.type === "agent.tool_use" && event.name === "egress_request")
      assert.strictEqual(asked?.id, await question())
      assert.deepInclude(asked, { input: { method: "GET", url: `${site.url}${path}` }, evaluated_permission: "ask" })
      assert.isFalse(visits.some((visit) => visit.includes(path)))
      await worker.worker.evictDurableObject("SESSIONS", { name: session.id })
      await confirm(sdk, "allow")
      assert.lengthOf(
        visits.filter((visit) => visit.includes(path)),
        1
      )
      // The third time it is asked about anew.
      assert.deepStrictEqual(await outcomes(), ["blocked asked", "allowed once", "blocked asked"])
      await confirm(sdk, "deny", { deny_message: "enough" })
      assert.lengthOf(
        visits.filter((visit) => visit.includes(path)),
        1
      )
      const read = model.requests.at(-1)!.body.messages.at(-1)
      assert.match(JSON.stringify(read), new RegExp(`${path} is not allowed: enough`))
    })
  }

  it("may be allowed for ever, which is a new version of the policy", async () => {
    const { policy, session, confirm, outcomes } = await ask(
      fetches("/ever"),
      fetches("/ever"),
      { text: "done" },
      fetches("/ever"),
      { text: "done" }
    )
    await confirm("client", "allow", { scope: "always" })
    const saved = (await (await worker.fetch(`/v1/policies/${policy}`)).json()) as Policy
    assert.deepStrictEqual([saved.revision, saved.author], [2, `approval in ${session.id}`])
    await session.send("again")
    await session.settle()
    assert.deepStrictEqual(await outcomes(), ["blocked asked", "allowed null", "allowed null"])
  })

  it("ends its wait with an interrupt, as a block", async () => {
    const { session, outcomes } = await ask(fetches("/interrupted"), { text: "done" })
    await worker.client.beta.sessions.events.send(session.id, { events: [{ type: "user.interrupt" }] })
    await session.settle()
    assert.strictEqual(stopReason(await session.events()), "end_turn")
    assert.deepStrictEqual(await outcomes(), ["blocked asked"])
    assert.isFalse(visits.some((visit) => visit.includes("/interrupted")))
  })
})

for (const sdk of ["client", "client0"] as const) {
  it(`what is ours in the log does not disturb a stream of the ${sdk === "client" ? "1.12" : "0.120"} SDK`, async () => {
    const { id } = await savePolicy([siteRule("allow")])
    const session = await startSession(worker, {
      policies: [id],
      model: scripted(tool("bash", { command: `curl -s ${site.url}/streamed` }), { text: "done" })
    })
    const stream = await worker[sdk].beta.sessions.events.stream(session.id)
    await session.send("go")
    const types: Array<string> = []
    for await (const { type } of stream) {
      types.push(type)
      if (type === "session.status_idle") break
    }
    assert.includeMembers(types, ["agent.tool_use", "agent.tool_result", "agent.message", "session.status_idle"])
    assert.strictEqual(types.includes("span.egress_request"), sdk === "client")
  })
}
