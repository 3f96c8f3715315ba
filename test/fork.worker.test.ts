import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type Anthropic from "@anthropic-ai/sdk"
import { type MockAnswer, type MockOpenAi, startMockOpenAi } from "./support/mockOpenAi.ts"
import { tool } from "./support/scriptedModel.ts"
import { startSession, startSite, startWorker, type Worker } from "./support/worker.ts"

/** Sessions that go on from an event of another one, in the real Worker. */

type Log = ReadonlyArray<Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent>
interface Fork {
  readonly id: string
  readonly forked_from: { readonly session_id: string; readonly event_id: string }
}

let worker: Worker
let model: MockOpenAi
let site: Awaited<ReturnType<typeof startSite>>
let hits = 0

/** What each model answers to a conversation in which it has answered so often. */
const scripts: Record<string, ReadonlyArray<MockAnswer>> = {
  first: [
    tool("write", { file_path: "a.txt", content: "one\n" }),
    tool("bash", { command: `cat a.txt >> b.txt; curl -s "$SITE/hit"; echo more >> b.txt` }),
    {
      calls: [
        { name: "read", arguments: { file_path: "b.txt" } },
        { name: "bash", arguments: { command: "exit 3" } }
      ]
    },
    { text: "done" },
    tool("bash", { command: "cat a.txt b.txt" }),
    { text: "again" }
  ],
  second: [
    { text: "no" },
    { text: "not I" },
    { text: "other" },
    { text: "else" },
    { text: "different" },
    { text: "bye" }
  ]
}

beforeAll(async () => {
  site = await startSite((_, response) => {
    hits++
    response.end("hit")
  })
  model = await startMockOpenAi(({ body }) => {
    const answered = (body.messages as ReadonlyArray<{ readonly role: string }>).filter(
      ({ role }) => role === "assistant"
    ).length
    const answer = scripts[body.model]?.[answered] ?? { status: 400, body: "no script" }
    return JSON.parse(JSON.stringify(answer).replaceAll("$SITE", site.url)) as MockAnswer
  })
  worker = await startWorker({ OPENAI_BASE_URL: model.url })
})

afterAll(async () => {
  await worker.close()
  await Promise.all([model.close(), site.close()])
})

const post = async (path: string, body: object) => {
  const response = await worker.fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
  return {
    status: response.status,
    body: (await response.json()) as Fork & { readonly error?: { readonly message: string } }
  }
}

const logOf = async (id: string): Promise<Log> => {
  while ((await worker.client.beta.sessions.retrieve(id)).status !== "idle");
  const log = []
  for await (const event of worker.client.beta.sessions.events.list(id, { order: "asc", limit: 1000 })) log.push(event)
  return log
}

const fork = async (id: string, changes: object = {}) => {
  const { body, status } = await post(`/v1/sessions/${id}/fork`, changes)
  assert.strictEqual(status, 200, JSON.stringify(body))
  return { ...body, log: await logOf(body.id) }
}

/** What was said and done, without ids, times and what is the fork's own. */
const course = (log: Log) =>
  log.flatMap((event) => {
    if (event.type === "agent.tool_use") return [JSON.stringify([event.name, event.input])]
    if (event.type === "agent.tool_result" || event.type === "agent.message" || event.type === "user.message") {
      return [JSON.stringify([event.type, event.content])]
    }
    return event.type === "session.status_idle" ? [event.stop_reason.type] : []
  })

const original = async () => {
  const session = await startSession(worker, { model: "local/first", hosts: [site.host] })
  await session.send("go")
  return { id: session.id, log: await logOf(session.id) }
}

describe("a fork", () => {
  it("comes to the same end from every event, where nothing is changed", { timeout: 120_000 }, async () => {
    const { id, log } = await original()
    const expected = course(log)
    assert.include(expected.join(), "done")
    for (const { id: at, type } of log) {
      const forked = await fork(id, { at })
      assert.deepStrictEqual(forked.forked_from, { session_id: id, event_id: at })
      // Two calls of one answer may end in either order.
      assert.deepStrictEqual(course(forked.log).toSorted(), expected.toSorted(), `${type} ${at}`)
    }
  })

  it("has the files of the session as they were, made without the network", async () => {
    const { id } = await original()
    const before = hits
    const forked = await fork(id, {
      initial_events: [{ type: "user.message", content: [{ type: "text", text: "and?" }] }]
    })
    const own = forked.log.slice(forked.log.findIndex(({ type }) => (type as string) === "session.forked"))
    const rebuilt = own.find(({ type }) => (type as string) === "session.workspace_rebuilt")
    // The two that wrote, and the one that failed.
    assert.include(JSON.stringify(rebuilt), '"calls":3,"differing":[]')
    assert.include(course(own), JSON.stringify(["agent.tool_result", [{ type: "text", text: "one\none\nmore" }]]))
    assert.strictEqual(hits, before)
  })

  it("goes on with another model, a changed result, another system prompt", async () => {
    const { id, log } = await original()
    const use = log.find((event) => event.type === "agent.tool_use" && event.name === "bash")
    const result = log.find((event) => event.type === "agent.tool_result" && event.tool_use_id === use?.id)
    const forked = await fork(id, {
      at: result!.id,
      model: "local/second",
      system: "You are another one.",
      tool_results: [{ tool_use_id: use!.id, content: "hat" }]
    })
    const said = course(forked.log)
    assert.deepStrictEqual(said.slice(-2), [
      JSON.stringify(["agent.message", [{ type: "text", text: "other" }]]),
      "end_turn"
    ])
    const asked = model.requests.at(-1)!.body
    assert.strictEqual(asked.model, "second")
    assert.include(JSON.stringify(asked.messages), "You are another one.")
    assert.include(JSON.stringify(asked.messages.at(-1)), "hat")
    assert.deepStrictEqual(course(await logOf(id)), course(log))
  })

  it("may be forked in turn, and begins with nothing spent", async () => {
    const { id } = await original()
    const first = await fork(id)
    const { usage } = await worker.client.beta.sessions.retrieve(first.id)
    assert.deepInclude(usage, { input_tokens: 0, output_tokens: 0 })
    const second = await fork(first.id, {
      initial_events: [{ type: "user.message", content: [{ type: "text", text: "and?" }] }]
    })
    assert.include(
      course(second.log),
      JSON.stringify(["agent.tool_result", [{ type: "text", text: "one\none\nmore" }]])
    )
  })

  it("says what is wrong with what it was asked for", async () => {
    const { id, log } = await original()
    const refusal = async (changes: object, of = id) => {
      const { body, status } = await post(`/v1/sessions/${of}/fork`, changes)
      return [status, body.error?.message]
    }
    const none = `sevt_${"0".repeat(26)}`
    assert.deepStrictEqual(await refusal({ at: none }), [400, `at: the session has no event ${none}`])
    const [first] = log
    assert.deepStrictEqual(await refusal({ at: first!.id, tool_results: [{ tool_use_id: none, content: "" }] }), [
      400,
      `tool_results[0].tool_use_id: ${none} has no result up to ${first!.id}`
    ])
    assert.deepStrictEqual(await refusal({ environment_id: "env_none" }), [
      404,
      "environment_id: environment env_none does not exist"
    ])
    assert.strictEqual((await refusal({ model: 3 }))[0], 400)
    assert.strictEqual((await refusal({}, `sesn_${"0".repeat(26)}`))[0], 404)
    const empty = await startSession(worker, { model: "local/first" })
    assert.deepStrictEqual(await refusal({}, empty.id), [400, "the session has no events: create another one"])
  })
})
