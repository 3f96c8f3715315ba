import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Mail, Mailbox } from "../src/domain/Mail.ts"
import type { Task } from "../src/domain/Task.ts"
import { withThread } from "../src/mail/address.ts"
import { domain, type SentMail, startMail, write } from "./support/mail.ts"
import type { MockAnswer } from "./support/mockOpenAi.ts"
import { type ScriptedModel, startScriptedModel, tool } from "./support/scriptedModel.ts"

/** Mail in the real Worker: it comes in by the platform's handler, and leaves by its binding. */

let worker: Awaited<ReturnType<typeof startMail>>
let model: ScriptedModel
let count = 0

beforeAll(async () => {
  model = await startScriptedModel()
  worker = await startMail({ OPENAI_BASE_URL: model.url })
})

afterAll(async () => {
  await worker.close()
  await model.close()
})

/** A mailbox of its own, of an agent whose model answers so; of the one that answers by rules where nothing is scripted. */
const open = async (answers: ReadonlyArray<MockAnswer> = [], fields: object = {}) => {
  const name = `box${++count}`
  if (answers.length === 0) return worker.mailbox(name, fields)
  const agent = await worker.client.beta.agents.create({
    name,
    model: model.scripted(...answers),
    tools: [{ type: "agent_toolset_20260401", default_config: { permission_policy: { type: "always_allow" } } }]
  })
  return worker.mailbox(name, { agent: agent.id, ...fields })
}

const accepted = (mailbox: Mailbox) => worker.mails(`mailbox_id=${mailbox.id}&status=accepted`)
const kept = (mailbox: Mailbox) => worker.mails(`mailbox_id=${mailbox.id}&status=sent`)

/** What was sent of a mailbox, oldest first, once there is so much of it. */
const sent = async (mailbox: Mailbox, many: number): Promise<ReadonlyArray<SentMail>> => {
  const local = mailbox.address.split("@")[0]!
  const all = await worker.until(
    async () => (await worker.sent()).filter(({ from }) => from.includes(`<${local}+`)),
    (mails) => mails.length >= many
  )
  await worker.until(
    () => kept(mailbox),
    (mails) => mails.length >= many
  )
  return all.toReversed()
}

const textOf = async (mailbox: Mailbox, place: number) => {
  const all = (await kept(mailbox)).toReversed()
  return (await worker.mail(all[place]!.id)).text ?? ""
}

const addressOf = (mail: Pick<SentMail, "from">) => /<(.*)>/.exec(mail.from)![1]!

const told = async (session: string) => {
  const { data } = await worker.client.beta.sessions.events.list(session, { types: ["user.message"] })
  return data.map((event) => (event.type === "user.message" ? JSON.stringify(event.content) : ""))
}

describe("a mail to a mailbox", () => {
  it("starts a session, whose outcome is the answer in its thread", async () => {
    const mailbox = await open()
    const id = "<first@example.com>"
    await worker.post({ to: mailbox.address, id, subject: "Haiku", body: "write a haiku to outputs/haiku.txt" })
    const [answer] = await sent(mailbox, 1)
    assert.deepStrictEqual(answer?.to, ["ada@example.com"])
    assert.strictEqual(answer?.subject, "Re: Haiku")
    assert.include(answer?.headers, { "In-Reply-To": id, References: id, "Auto-Submitted": "auto-replied" })
    assert.deepStrictEqual(
      answer?.attachments.map(({ filename }) => filename),
      ["haiku.txt"]
    )
    assert.match(addressOf(answer!), new RegExp(`^box\\d+\\+[a-z2-7]{26}@${domain}$`))
    assert.include(await textOf(mailbox, 0), "haiku.txt")

    const [mail] = await accepted(mailbox)
    const task = await worker.task(mail!.task_id!)
    assert.strictEqual(task.status, "succeeded")
    assert.deepStrictEqual(task.reply_to, { type: "mail", mail: mail!.id })
    const [message] = await told(mail!.session_id!)
    assert.include(message, "From: Ada <ada@example.com>")
    assert.include(message, "Subject: Haiku")
  })

  it("brings its files into the workspace", async () => {
    const mailbox = await open([tool("bash", { command: "cat /workspace/mail/*/data.csv" }), { text: "read" }])
    const body = [
      "--x",
      "Content-Type: text/plain",
      "",
      "see the file",
      "--x",
      'Content-Type: text/csv; name="data.csv"',
      'Content-Disposition: attachment; filename="data.csv"',
      "",
      "a;b;c",
      "--x--"
    ].join("\n")
    await worker.post({ to: mailbox.address, body, headers: { "Content-Type": "multipart/mixed; boundary=x" } })
    await sent(mailbox, 1)
    const [mail] = await accepted(mailbox)
    const { data } = await worker.client.beta.sessions.events.list(mail!.session_id!, { types: ["agent.tool_result"] })
    assert.include(JSON.stringify(data), "a;b;c")
    assert.include((await told(mail!.session_id!))[0], `/workspace/${mail!.attachments[0]!.path} (text/csv`)
  })

  it("is one mail, one task and one answer, however often it is delivered", async () => {
    const mailbox = await open()
    const raw = write({ to: mailbox.address, body: "hello" })
    for (let time = 0; time < 5; time++) await worker.deliver(raw, mailbox.address)
    await Promise.all(Array.from({ length: 3 }, () => worker.deliver(raw, mailbox.address)))
    await sent(mailbox, 1)
    const mails = await accepted(mailbox)
    assert.lengthOf(mails, 1)
    const tasks = await worker.list<Task>("/v1/tasks?limit=100")
    assert.lengthOf(
      tasks.filter(({ idempotency_key }) => idempotency_key === `mail:${mails[0]!.id}`),
      1
    )
    assert.lengthOf(await told(mails[0]!.session_id!), 1)
    assert.lengthOf(await sent(mailbox, 1), 1)
  })

  it("is rejected where the mailbox does not take it, and says why", async () => {
    const mailbox = await open([], { max_mails_per_hour: 2, allowed_senders: ["ada@example.com"] })
    const rejected = await worker.post({ to: mailbox.address, from: "eve@example.com" })
    assert.include(JSON.stringify(rejected), `${mailbox.address} takes no mail of eve@example.com`)
    for (let time = 0; time < 3; time++) await worker.post({ to: mailbox.address, body: "hello" })
    assert.lengthOf(await accepted(mailbox), 2)
    const refused = await worker.mails(`mailbox_id=${mailbox.id}&status=refused`)
    assert.deepStrictEqual(
      refused.map(({ refusal }) => refusal?.reason),
      ["rate_limited", "sender_not_allowed"]
    )

    await worker.call("POST", `/v1/mailboxes/${mailbox.id}/archive`)
    const late = await worker.post({ to: mailbox.address })
    assert.include(JSON.stringify(late), "there is no such mailbox")
    assert.notInclude(JSON.stringify(await worker.post({ to: mailbox.address, headers: { "List-Id": "<x>" } })), "ada@")
  })

  it("whose session fails says so in the answer", async () => {
    const mailbox = await open([], { agent: "agent_none" })
    await worker.post({ to: mailbox.address })
    await sent(mailbox, 1)
    assert.include(await textOf(mailbox, 0), "The work ended without an answer: agent: agent agent_none does not exist")
  })
})

describe("an answer to a session's mail", () => {
  it("goes on with the session, and refers to all mails of the thread", async () => {
    const mailbox = await open([{ text: "one" }, { text: "two" }, { text: "three" }])
    await worker.post({ to: mailbox.address, id: "<1@example.com>", body: "first" })
    const [first] = await sent(mailbox, 1)
    const to = addressOf(first!)
    const References = `<1@example.com> ${first!.messageId}`
    const headers = { "In-Reply-To": first!.messageId, References }
    await worker.post({ to, id: "<2@example.com>", subject: "Re: A question", body: "second\n\n> one", headers })
    const [, second] = await sent(mailbox, 2)
    assert.include(second?.headers, {
      "In-Reply-To": "<2@example.com>",
      References: `<1@example.com> ${first!.messageId} <2@example.com>`
    })
    assert.strictEqual(second?.subject, "Re: A question")
    assert.strictEqual(addressOf(second!), to)
    assert.strictEqual(await textOf(mailbox, 1), "two")

    // By its references alone, for who was in the thread; another sender begins a thread of their own.
    const bare = { References: second!.messageId }
    await worker.post({ to: mailbox.address, id: "<3@example.com>", body: "third", headers: bare })
    await sent(mailbox, 3)
    const other = await open()
    await worker.post({ to: other.address, body: "hello", headers: bare })
    await worker.post({ to: mailbox.address, from: "bob@example.com", body: "mine", headers: bare })
    const mails = (await accepted(mailbox)).toReversed()
    const sessions = mails.map(({ session_id }) => session_id)
    assert.deepStrictEqual([sessions[1], sessions[2]], [sessions[0], sessions[0]])
    assert.notStrictEqual(sessions[3], sessions[0])
    assert.notStrictEqual((await accepted(other))[0]?.session_id, sessions[0])

    const messages = await told(sessions[0]!)
    assert.lengthOf(messages, 3)
    // The session knows what is quoted.
    assert.notInclude(messages[1], "> one")
    assert.include((await worker.mail(mails[1]!.id)).quoted, "> one")
  })

  it("comes while the session works on another mail, and each has its own answer", async () => {
    const mailbox = await open([
      tool("bash", { command: "sleep 0" }),
      { text: "to the first" },
      { text: "to the next" }
    ])
    await worker.post({ to: mailbox.address, id: "<a@example.com>" })
    const [mail] = await accepted(mailbox)
    await worker.post({ to: withThread(mailbox.address, mail!.thread!), id: "<b@example.com>" })
    const answers = await sent(mailbox, 2)
    assert.sameMembers(
      answers.map(({ headers }) => headers["In-Reply-To"]),
      ["<a@example.com>", "<b@example.com>"]
    )
    const tasks = await Promise.all((await accepted(mailbox)).map(({ task_id }) => worker.task(task_id!)))
    assert.deepStrictEqual(
      tasks.map(({ status }) => status),
      ["succeeded", "succeeded"]
    )
  })
})

describe("the tool mail_reply", () => {
  it("answers in the agent's words and with its files, once, in place of its last message", async () => {
    const mailbox = await open([
      tool("bash", { command: "echo 42 > /workspace/answer.txt" }),
      tool("mail_reply", { text: "Here it is.\r\nBcc: eve@evil.example", attachments: ["answer.txt"] }),
      { text: "I have answered." }
    ])
    await worker.post({ to: mailbox.address, id: "<ask@example.com>" })
    const [mail] = await accepted(mailbox)
    await worker.until(
      () => worker.task(mail!.task_id!),
      ({ status }) => status === "succeeded"
    )
    const answers = await sent(mailbox, 1)
    assert.lengthOf(answers, 1)
    assert.deepStrictEqual(answers[0]?.to, ["ada@example.com"])
    assert.notProperty(answers[0]?.headers, "Bcc")
    assert.strictEqual(answers[0]?.headers["In-Reply-To"], "<ask@example.com>")
    assert.deepStrictEqual(
      answers[0]?.attachments.map(({ filename, size }) => [filename, size]),
      [["answer.txt", 3]]
    )
    assert.match(await textOf(mailbox, 0), /^Here it is\./)
  })

  it("is there for sessions of mail alone", async () => {
    const agent = await worker.client.beta.agents.create({
      name: "no mail",
      model: model.scripted(tool("mail_reply", { text: "to whom?" }), { text: "to nobody" }),
      tools: [{ type: "agent_toolset_20260401", default_config: { permission_policy: { type: "always_allow" } } }]
    })
    const { body } = await worker.call<Task>("POST", "/v1/tasks", {
      agent: agent.id,
      environment_id: worker.environment,
      input: "answer"
    })
    const { session_id } = await worker.until(
      () => worker.task(body.id),
      ({ status }) => status === "succeeded"
    )
    const { data } = await worker.client.beta.sessions.events.list(session_id!, { types: ["agent.tool_result"] })
    assert.include(JSON.stringify(data), "there is no tool named mail_reply")
  })
})

describe("an Anthropic key in a mail", () => {
  const key = "sk-ant-api03-do-not-keep"

  it("is masked as in all that people write, and the answer warns of it", async () => {
    const mailbox = await open()
    await worker.post({ to: mailbox.address, subject: `use ${key}`, body: `my key is ${key}` })
    await sent(mailbox, 1)
    const [mail] = await accepted(mailbox)
    assert.match(mail!.warnings[0] ?? "", /held an Anthropic API key/)
    assert.include(await textOf(mailbox, 0), "Note: the mail held an Anthropic API key")
    const everything = [
      await worker.mail(mail!.id),
      await told(mail!.session_id!),
      await worker.task(mail!.task_id!),
      await worker.sent()
    ]
    assert.notInclude(JSON.stringify(everything), key)
    assert.include(JSON.stringify(everything), "[redacted]")

    await worker.post({ to: mailbox.address, from: "eve@evil.example", subject: key })
    const [refused] = await worker.mails(`mailbox_id=${mailbox.id}&status=refused`)
    assert.strictEqual(refused?.subject, "[redacted]")
  })
})

describe("mailboxes", () => {
  it("are made, changed and archived, and say what is wrong", async () => {
    const refusal = async (fields: object) => {
      const { status, body } = await worker.call<{ error: { message: string } }>("POST", "/v1/mailboxes", {
        name: "other",
        agent: worker.agent,
        allowed_senders: [],
        ...fields
      })
      return [status, body.error?.message] as const
    }
    assert.match((await refusal({ name: "Not A Name" }))[1], /^name: is no name/)
    assert.match((await refusal({ name: "a+b" }))[1], /^name: is no name/)
    assert.match((await refusal({ name: "postmaster" }))[1], /^name: is taken/)
    assert.match((await refusal({ allowed_senders: ["*"] }))[1], /^allowed_senders\[0\]: is neither/)
    assert.match((await refusal({ approver: "ada" }))[1], /^approver: is no address/)
    assert.match((await refusal({ allowed_senders: ["sk-ant-api03-x@example.com"] }))[1], /Anthropic/)
    const mailbox = await open([], { allowed_senders: [] })
    assert.strictEqual((await refusal({ name: mailbox.address.split("@")[0] }))[0], 409)

    await worker.post({ to: mailbox.address })
    assert.lengthOf(await accepted(mailbox), 0)
    const { body } = await worker.call<Mailbox>("POST", `/v1/mailboxes/${mailbox.id}`, {
      allowed_senders: ["ADA@example.com"],
      approver: "Boss@Example.com"
    })
    assert.deepInclude(body, { allowed_senders: ["ada@example.com"], approver: "boss@example.com" })
    await worker.post({ to: mailbox.address })
    assert.lengthOf(await accepted(mailbox), 1)
    assert.deepStrictEqual(await worker.get(`/v1/mailboxes/${mailbox.id}`), body)
    await worker.call("POST", `/v1/mailboxes/${mailbox.id}/archive`)
    const shown = await worker.list<Mailbox>("/v1/mailboxes?limit=100")
    assert.notInclude(
      shown.map(({ id }) => id),
      mailbox.id
    )
    assert.strictEqual((await worker.call("POST", `/v1/mailboxes/${mailbox.id}`, {})).status, 409)
    assert.strictEqual((await worker.call("GET", "/v1/mails/mail_none")).status, 404)
    const mails = await worker.list<Mail>("/v1/mails?limit=1")
    assert.notProperty(mails[0], "text")
  })
})
