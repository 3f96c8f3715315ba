import type Anthropic from "@anthropic-ai/sdk"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type MockAnswer, type MockOpenAi, startMockOpenAi } from "./support/mockOpenAi.ts"
import { startWorker, stopReason, type Worker } from "./support/worker.ts"

/** Answers in a form, with the official SDK: its bodies carry the field, and its answers the result, though its types know neither. */

let worker: Worker
let model: MockOpenAi
const scripts = new Map<string, Array<MockAnswer>>()
let count = 0

beforeAll(async () => {
  model = await startMockOpenAi(({ body }) => scripts.get(body.model)?.shift() ?? { status: 400, body: "no script" })
  worker = await startWorker({ OPENAI_BASE_URL: model.url })
})

afterAll(async () => {
  await worker.close()
  await model.close()
})

type Client = Worker["client"]
type Create = Anthropic.Beta.Sessions.SessionCreateParams
interface Structured {
  readonly output_config?: unknown
  readonly structured_output?: { readonly event_id: string; readonly value: unknown } | null
}

const schema = {
  type: "object",
  properties: { title: { type: "string" }, words: { type: "integer", minimum: 1 } },
  required: ["title", "words"]
}
const output_config = { format: { type: "json_schema", schema } }
const answer = (input: unknown): MockAnswer => ({ calls: [{ name: "structured_output", arguments: input }] })

const begin = async (
  client: Client,
  answers: ReadonlyArray<MockAnswer> | "demo",
  fields: object = { output_config }
) => {
  const name = `structured-${++count}`
  if (answers !== "demo") scripts.set(name, [...answers])
  const environment = await client.beta.environments.create({ name })
  const agent = await client.beta.agents.create({
    name,
    model: answers === "demo" ? "demo" : `local/${name}`,
    tools: [{ type: "agent_toolset_20260401" }]
  })
  const { id } = await client.beta.sessions.create({
    agent: agent.id,
    environment_id: environment.id,
    ...fields
  } as Create)
  const send = async (text: string) => {
    const events = [{ type: "user.message" as const, content: [{ type: "text" as const, text }] }]
    await client.beta.sessions.events.send(id, { events })
  }
  const turn = async (text: string) => {
    await send(text)
    const seen: Array<{ readonly type: string; readonly id: string }> = []
    for await (const event of await client.beta.sessions.events.stream(id)) {
      seen.push(event as { type: string; id: string }) // Previews were not asked for.
      if (event.type === "session.status_idle") break
    }
    return seen
  }
  /** Without a stream: one that is open keeps the session's object from being evicted. */
  const settle = async () => {
    while ((await client.beta.sessions.retrieve(id)).status !== "idle");
  }
  const show = async () => (await client.beta.sessions.retrieve(id)) as Structured
  const log = async () => {
    const events: Array<{ readonly type: string; readonly id: string; readonly value?: unknown }> = []
    for await (const event of client.beta.sessions.events.list(id, { order: "asc" })) events.push(event)
    return events
  }
  return { id, send, settle, turn, show, log }
}

for (const sdk of ["client", "client0"] as const) {
  describe(sdk === "client" ? "@anthropic-ai/sdk 1.12.0" : "@anthropic-ai/sdk 0.120.0", () => {
    it("gets an answer in the form that it asks for, in the session and in its log", async () => {
      const session = await begin(worker[sdk] as Client, [
        { calls: [{ name: "write", arguments: { file_path: "a.txt", content: "one two" } }] },
        { text: "It has two words." },
        answer({ title: "a", words: 0 }),
        answer('{"title": "a", "words": "2"}')
      ])
      assert.isNull((await session.show()).structured_output)
      assert.strictEqual(stopReason(await session.turn("how many words?")), "end_turn")
      const shown = await session.show()
      assert.deepEqual(shown.output_config, output_config)
      assert.deepEqual(shown.structured_output?.value, { title: "a", words: 2 })
      const log = await session.log()
      const output = log.find(({ type }) => type === "agent.structured_output")
      assert.deepEqual(output?.value, { title: "a", words: 2 })
      assert.strictEqual(output?.id, shown.structured_output?.event_id)
      assert.lengthOf(
        log.filter(({ type }) => type === "session.structured_output_reminder"),
        1
      )
    })
  })
}

describe("a session whose answers have a form", () => {
  it("gives another answer to the next message, also after its object was away, and streams them as events", async () => {
    const session = await begin(worker.client, [answer({ title: "a", words: 1 }), answer({ title: "b", words: 2 })])
    await session.send("first")
    await session.settle()
    await worker.worker.evictDurableObject("SESSIONS", { name: session.id })
    assert.deepEqual((await session.show()).structured_output?.value, { title: "a", words: 1 })
    const seen = await session.turn("second")
    const latest = (await session.show()).structured_output
    assert.deepEqual(latest?.value, { title: "b", words: 2 })
    assert.strictEqual(seen.find(({ type }) => type === "agent.structured_output")?.id, latest?.event_id)
    const tools: ReadonlyArray<{ readonly function: { readonly name: string; readonly parameters: unknown } }> =
      model.requests.at(-1)!.body.tools
    const { name, parameters } = tools.at(-1)!.function
    assert.deepEqual([name, parameters], ["structured_output", schema])
    // Whoever joins again after the first message gets the same events.
    const response = await worker.fetch(`/v1/sessions/${session.id}/events/stream?last_event_id=1`)
    let text = ""
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      if (text.split("event: session.status_idle").length > 2) break
    }
    const log = await session.log()
    const answers = log.filter(({ type }) => type === "agent.structured_output")
    assert.lengthOf(answers, 2)
    for (const { id } of answers) assert.include(text, id)
  })

  it("ends with an error that says so where no such answer comes", async () => {
    const session = await begin(worker.client, [{ text: "two" }, { text: "still two" }])
    assert.strictEqual(stopReason(await session.turn("how many?")), "retries_exhausted")
    assert.isNull((await session.show()).structured_output)
    const error = (await session.log()).find(({ type }) => type === "session.error")
    assert.include(JSON.stringify(error), "StructuredOutputMissing")
  })

  it("has no result on the demo, which says why", async () => {
    const session = await begin(worker.client, "demo")
    assert.strictEqual(stopReason(await session.turn("write a haiku to haiku.txt")), "retries_exhausted")
    assert.isNull((await session.show()).structured_output)
    const said = JSON.stringify((await session.log()).filter(({ type }) => type === "agent.message").at(-1))
    assert.include(said, "[demo: no AI is running] There is no structured result")
  })

  it("is refused where its schema cannot be used, with the place", async () => {
    const bad = {
      output_config: { format: { type: "json_schema", schema: { ...schema, items: { type: "nothing" } } } }
    }
    const error: unknown = await begin(worker.client, [], bad).catch((error) => error)
    assert.include(error, { status: 400 })
    assert.include(String(error), "output_config.format.schema.items.type: ")
  })
})
