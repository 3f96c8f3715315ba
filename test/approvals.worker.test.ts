import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { ApprovalLink } from "../src/domain/ApprovalLink.ts"
import { publicUrl, startMail } from "./support/mail.ts"
import { type ScriptedModel, startScriptedModel, tool } from "./support/scriptedModel.ts"

/** A person who answers, by a link, what a session waits for. */

let worker: Awaited<ReturnType<typeof startMail>>
let model: ScriptedModel
let count = 0

beforeAll(async () => {
  model = await startScriptedModel()
  worker = await startMail({ OPENAI_BASE_URL: model.url, OWNLOOP_APPROVER: "boss@example.com" })
})

afterAll(async () => {
  await worker.close()
  await model.close()
})

const asking = async (command: string, fields: object = {}) => {
  const agent = await worker.client.beta.agents.create({
    name: `asks ${++count}`,
    model: model.scripted(tool("bash", { command }), { text: "went on" }),
    tools: [{ type: "agent_toolset_20260401", default_config: { permission_policy: { type: "always_ask" } } }],
    ...fields
  })
  return agent.id
}

/** A session that waits for a person. */
const waiting = async (command = "echo hi") => {
  const agent = await asking(command)
  const { id } = await worker.client.beta.sessions.create({ agent, environment_id: worker.environment })
  await worker.client.beta.sessions.events.send(id, {
    events: [{ type: "user.message", content: [{ type: "text", text: "do it" }] }]
  })
  await worker.until(
    () => worker.client.beta.sessions.events.list(id, { types: ["session.status_idle"] }),
    ({ data }) => data.length > 0
  )
  return id
}

/** The mail that asks about a session, and the link in it. */
const asked = async (session: string) => {
  const [mail] = await worker.until(
    async () => (await worker.sent()).filter(({ headers }) => headers["x-ownloop-session"] === session),
    (mails) => mails.length > 0
  )
  return mail!
}

const make = (session: string) =>
  worker.call<ApprovalLink & { readonly url: string; readonly error: { readonly message: string } }>(
    "POST",
    `/v1/sessions/${session}/approval_links`
  )

/** As a browser without any key opens it. */
const browse = async (url: string, result?: string, headers: Record<string, string> = {}) => {
  assert.isTrue(url.startsWith(`${publicUrl}/approve/`), url)
  const local = `${worker.client.baseURL}${url.slice(publicUrl.length)}`
  const response = await fetch(result === undefined ? local : `${local}?result=${result}`, {
    method: result === undefined ? "GET" : "POST",
    headers
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const confirmations = async (session: string) => {
  const { data } = await worker.client.beta.sessions.events.list(session, { types: ["user.tool_confirmation"] })
  return data.map((event) => (event.type === "user.tool_confirmation" ? event.result : ""))
}

const result = async (session: string) => {
  const { data } = await worker.until(
    () => worker.client.beta.sessions.events.list(session, { types: ["agent.tool_result"] }),
    ({ data }) => data.length > 0
  )
  return JSON.stringify(data)
}

describe("a link", () => {
  it("is mailed to who is to answer, shows what is asked, and needs a second click", async () => {
    const session = await waiting("echo '<script>alert(1)</script>'")
    const mail = await asked(session)
    assert.deepStrictEqual(mail.to, ["boss@example.com"])
    assert.strictEqual(mail.subject, "A session waits for your answer: Run the tool bash")

    const { body } = await make(session)
    const page = await browse(body.url)
    assert.strictEqual(page.status, 200)
    assert.include(page.text, "Run the tool bash")
    assert.include(page.text, "&#60;script&#62;alert(1)")
    assert.notInclude(page.text, "<script>")
    assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'/)
    assert.strictEqual(page.headers.get("cache-control"), "no-store")
    // Whatever opens links by itself answers nothing.
    await browse(body.url)
    assert.deepStrictEqual(await confirmations(session), [])

    const origin = new URL(worker.client.baseURL).origin
    const allowed = await browse(body.url, "allow", { origin })
    assert.include(allowed.text, "<h1>Allowed</h1>")
    assert.include(await result(session), "alert(1)")
    assert.deepStrictEqual(await confirmations(session), ["allow"])
  })

  it("works once: of two answers the first counts", async () => {
    const session = await waiting()
    const { body } = await make(session)
    assert.include((await browse(body.url, "deny")).text, "<h1>Denied</h1>")
    const again = await browse(body.url, "allow")
    assert.include(again.text, "<h1>Denied</h1>")
    assert.include((await browse(body.url)).text, "The link is used up")
    assert.deepStrictEqual(await confirmations(session), ["deny"])
    assert.include(await result(session), "not run")
  })

  it("answers nothing once somebody else has", async () => {
    const session = await waiting()
    const [{ body: one }, { body: other }] = await Promise.all([make(session), make(session)])
    await browse(one.url, "allow")
    await result(session)
    const late = await browse(other.url, "deny")
    assert.strictEqual(late.status, 410)
    assert.include(late.text, "nothing to answer any more")
    assert.deepStrictEqual(await confirmations(session), ["allow"])
    const { status, body } = await make(session)
    assert.strictEqual(status, 409)
    assert.match(body.error.message, /does not wait for a person/)
  })

  it("that was changed is not valid, and neither is one of another origin's page", async () => {
    const session = await waiting()
    const { body } = await make(session)
    const other = (await make(await waiting())).body
    const token = body.url.slice(`${publicUrl}/approve/`.length)
    const [id, signature] = token.split(".") as [string, string]
    const otherSignature = other.url.slice(other.url.lastIndexOf(".") + 1)
    for (const wrong of [
      id,
      `${id}.`,
      `${id}.${otherSignature}`,
      `${other.id}.${signature}`,
      `x.${signature}`,
      "%00"
    ]) {
      assert.strictEqual((await browse(`${publicUrl}/approve/${wrong}`, "allow")).status, 404, wrong)
    }
    assert.strictEqual((await browse(body.url, "maybe")).status, 400)
    assert.strictEqual((await browse(body.url, "allow", { origin: "https://evil.example" })).status, 403)
    // What is stored beside the signature cannot be changed either.
    const { CATALOG } = (await worker.worker.getEnv()) as unknown as { readonly CATALOG: D1Database }
    await CATALOG.prepare("UPDATE approval_links SET body = json_set(body, '$.session_id', 'sesn_other') WHERE id = ?")
      .bind(id)
      .run()
    assert.strictEqual((await browse(body.url, "allow")).status, 404)
    assert.deepStrictEqual(await confirmations(session), [])
  })

  it("goes to the mailbox's own approver, and its answer lets the mail's task go on", async () => {
    const agent = await asking("echo done")
    const mailbox = await worker.mailbox("careful", { agent, approver: "lead@example.com" })
    await worker.post({ to: mailbox.address })
    const [received] = await worker.mails(`mailbox_id=${mailbox.id}&status=accepted`)
    const mail = await asked(received!.session_id!)
    assert.deepStrictEqual(mail.to, ["lead@example.com"])
    assert.match(mail.from, /<no-reply@agents\.example\.com>/)
    await worker.until(
      () => worker.task(received!.task_id!),
      ({ status }) => status === "waiting"
    )
    await browse((await make(received!.session_id!)).body.url, "allow")
    const { status } = await worker.until(
      () => worker.task(received!.task_id!),
      ({ status }) => status !== "waiting" && status !== "running"
    )
    assert.strictEqual(status, "succeeded")
  })
})
