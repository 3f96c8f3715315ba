import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Trace } from "../src/trace/Span.ts"
import { type ScriptedModel, startScriptedModel, tool } from "./support/scriptedModel.ts"
import { startCollector } from "./support/collector.ts"
import { decode, spanFaults } from "./support/otlp.ts"
import { startSession, startSite, startWorker, stopReason, type Worker } from "./support/worker.ts"
import { faults } from "./support/traces.ts"

/** The main job, in the real Worker: a model over HTTP, real tools in a real isolate, a real gateway, the log in SQLite. */

let worker: Worker
let model: ScriptedModel
let site: Awaited<ReturnType<typeof startSite>>
let collector: Awaited<ReturnType<typeof startCollector>>
const visits: Array<string> = []

const scripted: ScriptedModel["scripted"] = (...answers) => model.scripted(...answers)

beforeAll(async () => {
  model = await startScriptedModel()
  site = await startSite((request, response) => {
    visits.push(`${request.method} ${request.url}`)
    response.setHeader("content-type", "text/plain").end("one two three")
  })
  collector = await startCollector()
  worker = await startWorker({ OPENAI_BASE_URL: model.url, OTLP_URL: collector.url })
})

afterAll(async () => {
  await worker.close()
  await Promise.all([model.close(), site.close(), collector.close()])
})

type Events = Awaited<ReturnType<Awaited<ReturnType<typeof startSession>>["events"]>>
const results = (events: Events) =>
  events.flatMap((event) =>
    event.type === "agent.tool_result"
      ? [
          {
            text: (event.content ?? []).map((block) => ("text" in block ? block.text : "")).join(""),
            isError: event.is_error
          }
        ]
      : []
  )
describe("a session", () => {
  it("writes a file, runs a script over it and reads the result", async () => {
    const session = await startSession(worker, {
      model: scripted(
        tool("write", { file_path: "numbers.txt", content: "1\n2\n3\n" }),
        tool("write", {
          file_path: "sum.js",
          content: `import { readFileSync, writeFileSync } from "node:fs"
const sum = readFileSync("numbers.txt", "utf8").trim().split("\\n").map(Number).reduce((a, b) => a + b)
writeFileSync("sum.txt", String(sum))`
        }),
        tool("bash", { command: "node sum.js && wc -l < numbers.txt" }),
        tool("read", { file_path: "sum.txt" }),
        { text: "the sum is 6" }
      )
    })
    await session.send("add them up")
    const events = await session.untilIdle()
    assert.strictEqual(stopReason(events), "end_turn")
    const all = results(await session.events())
    assert.isTrue(
      all.every(({ isError }) => isError === false),
      JSON.stringify(all)
    )
    assert.match(all[2]!.text, /3/)
    assert.match(all[3]!.text, /6/)
  })

  it("keeps its files and its conversation when its object is evicted", async () => {
    const session = await startSession(worker, {
      model: scripted(
        tool("write", { file_path: "kept.txt", content: "still here" }),
        { text: "written" },
        tool("bash", { command: "cat kept.txt" }),
        { text: "read" }
      )
    })
    await session.send("write")
    await session.settle()
    await worker.worker.evictDurableObject("SESSIONS", { name: session.id })
    await session.send("read")
    await session.settle()
    assert.include(results(await session.events()).at(-1)!.text, "still here")
    const asked = model.requests.at(-1)!.body.messages.map(({ role }: { role: string }) => role)
    assert.deepStrictEqual(asked, ["system", "user", "assistant", "tool", "assistant", "user", "assistant", "tool"])
  })

  it("keeps 16 pairs of metadata at most", async () => {
    const { id } = await startSession(worker)
    const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, "v"]))
    assert.deepEqual((await worker.client.beta.sessions.update(id, { metadata })).metadata, metadata)
    const error: unknown = await worker.client.beta.sessions
      .update(id, { metadata: { more: "v" } })
      .catch((error) => error)
    assert.include(error, { status: 400 })
    assert.include(String(error), "metadata: would have more than 16 pairs")
  })

  it("reaches what its environment allows, by every way out, and each request is audited", async () => {
    const session = await startSession(worker, {
      hosts: [site.host],
      model: scripted(
        tool("web_fetch", { url: `${site.url}/fetched` }),
        tool("bash", { command: `curl -s ${site.url}/curled | wc -w` }),
        tool("bash", { command: `node -e 'console.log(await (await fetch("${site.url}/scripted")).text())'` }),
        { text: "done" }
      )
    })
    await session.send("go")
    await session.untilIdle()
    const all = results(await session.events())
    assert.isTrue(
      all.every(({ isError }) => isError === false),
      JSON.stringify(all)
    )
    const { data } = await session.decisions(worker.fetch)
    assert.deepStrictEqual(data.map(({ path, outcome }) => [path, outcome]).toReversed(), [
      ["/fetched", "allowed"],
      ["/curled", "allowed"],
      ["/scripted", "allowed"]
    ])
  })

  it("reaches nothing else: no byte arrives, the model reads why, and the attempt is audited", async () => {
    const session = await startSession(worker, {
      hosts: ["example.com"],
      model: scripted(
        {
          calls: [
            { name: "web_fetch", arguments: { url: `${site.url}/stolen-1` } },
            { name: "bash", arguments: { command: `curl -s ${site.url}/stolen-2` } },
            {
              name: "bash",
              arguments: { command: `node -e 'console.log((await fetch("${site.url}/stolen-3")).status)'` }
            }
          ]
        },
        { text: "blocked" }
      )
    })
    await session.send("go")
    await session.untilIdle()
    assert.deepStrictEqual(
      visits.filter((visit) => visit.includes("stolen")),
      []
    )
    assert.match(results(await session.events())[0]!.text, /blocked/)
    const { data } = await session.decisions(worker.fetch)
    assert.deepStrictEqual(data.map(({ path, outcome }) => [path, outcome]).toSorted(), [
      ["/stolen-1", "blocked"],
      ["/stolen-2", "blocked"],
      ["/stolen-3", "blocked"]
    ])
  })

  it("survives agent code that never ends: the command is a result, and the Worker goes on answering", async () => {
    const session = await startSession(worker, {
      model: scripted(
        {
          calls: [
            { name: "bash", arguments: { command: "node -e 'for (;;) {}'", timeout_ms: 300 } },
            { name: "bash", arguments: { command: "while true; do :; done", timeout_ms: 300 } }
          ]
        },
        tool("bash", { command: "echo alive" }),
        { text: "done" }
      )
    })
    await session.send("go")
    await session.untilIdle()
    const [loop, shell, after] = results(await session.events())
    assert.isTrue(loop!.isError)
    assert.isTrue(shell!.isError)
    assert.include(after!.text, "alive")
  })

  it("ends a turn at an interrupt, also while the model is silent", async () => {
    const session = await startSession(worker, { model: scripted({ text: ["so "], ending: "hang" }, { text: "yes?" }) })
    const stream = await worker.client.beta.sessions.events.stream(session.id, { event_deltas: ["agent.message"] })
    await session.send("go")
    for await (const event of stream) {
      if (event.type === "event_delta")
        await worker.client.beta.sessions.events.send(session.id, { events: [{ type: "user.interrupt" }] })
      if (event.type === "session.status_idle") {
        assert.strictEqual(event.stop_reason.type, "end_turn")
        break
      }
    }
    await session.send("hello?")
    assert.strictEqual(stopReason(await session.untilIdle()), "end_turn")
  })

  it("shows a stream that opens late the turn that nobody saw, and no turn twice", async () => {
    const session = await startSession(worker, { model: scripted({ text: "first" }, { text: "second" }) })
    await session.send("one")
    await session.settle()
    assert.include(
      (await session.untilIdle()).map(({ type }) => type),
      "agent.message"
    )

    const stream = await worker.client.beta.sessions.events.stream(session.id)
    await session.send("two")
    const texts: Array<string> = []
    for await (const event of stream) {
      if (event.type === "agent.message")
        texts.push(...event.content.map((block) => ("text" in block ? block.text : "")))
      if (event.type === "session.status_idle") break
    }
    assert.deepStrictEqual(texts, ["second"])
  })

  it("waits for a person at no cost: its object is gone meanwhile, and goes on with what it allows", async () => {
    const session = await startSession(worker, {
      model: scripted(tool("write", { file_path: "a.txt", content: "hi" }), { text: "written" }),
      tools: [
        {
          type: "agent_toolset_20260401",
          default_config: { permission_policy: { type: "always_ask" } }
        }
      ]
    })
    await session.send("write")
    await session.settle()
    await worker.worker.evictDurableObject("SESSIONS", { name: session.id })
    const [use] = (await session.events()).filter((event) => event.type === "agent.tool_use")
    assert.strictEqual(use!.evaluated_permission, "ask")
    const { events } = worker.client.beta.sessions
    await events.send(session.id, {
      events: [{ type: "user.tool_confirmation", tool_use_id: use!.id, result: "allow" }]
    })
    assert.strictEqual(stopReason(await session.untilIdle()), "end_turn")
    assert.deepStrictEqual(results(await session.events()), [{ text: "Wrote 2 bytes to a.txt.", isError: false }])
  })

  it("pauses where its budget is used up, and goes on when it is raised", async () => {
    const session = await startSession(worker, {
      model: scripted(tool("glob", { pattern: "*" }), tool("glob", { pattern: "*" }), { text: "nothing there" }),
      budget: { type: "limit", max_tool_calls: 1 }
    })
    await session.send("look twice")
    assert.strictEqual(stopReason(await session.untilIdle()), "budget_reached")
    const update = (budget: object) =>
      worker.fetch(`/v1/sessions/${session.id}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ budget })
      })
    const refused = await update({ type: "limit", max_tool_calls: 1 })
    assert.strictEqual(refused.status, 400)
    assert.include(await refused.text(), "budget: budget_not_raised: the session has used up as much of max_tool_calls")
    assert.strictEqual((await update({ type: "limit", max_tool_calls: 2 })).status, 200)
    assert.strictEqual(stopReason(await session.untilIdle()), "end_turn")
    assert.lengthOf(results(await session.events()), 2)
  })

  it("waits for the client's own tool and goes on with its result", async () => {
    const session = await startSession(worker, {
      model: scripted(tool("weather", { city: "Oslo" }), { text: "it rains" }),
      tools: [{ type: "custom", name: "weather", description: "The weather", input_schema: { type: "object" } }]
    })
    await session.send("weather?")
    const use = (await session.untilIdle()).find((event) => event.type === "agent.custom_tool_use")!
    assert.deepStrictEqual(use.input, { city: "Oslo" })
    await worker.client.beta.sessions.events.send(session.id, {
      events: [
        { type: "user.custom_tool_result", custom_tool_use_id: use.id, content: [{ type: "text", text: "rain" }] }
      ]
    })
    assert.strictEqual(stopReason(await session.untilIdle()), "end_turn")
    const again = await worker.fetch(`/v1/sessions/${session.id}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ events: [{ type: "user.custom_tool_result", custom_tool_use_id: use.id }] })
    })
    assert.strictEqual(again.status, 409)
    assert.strictEqual(again.headers.get("x-should-retry"), "false")
  })

  it("tells its turns as traces, with what tools did in the sandbox and what tried to leave", async () => {
    const session = await startSession(worker, {
      hosts: [site.host],
      model: scripted(tool("bash", { command: `curl -s ${site.url}/traced; curl -s http://other.test/` }), {
        text: "done"
      })
    })
    const traceId = "0af7651916cd43dd8448eb211c80319c"
    await worker.fetch(`/v1/sessions/${session.id}/events`, {
      method: "POST",
      headers: { "content-type": "application/json", traceparent: `00-${traceId}-b7ad6b7169203331-01` },
      body: JSON.stringify({ events: [{ type: "user.message", content: [{ type: "text", text: "go" }] }] })
    })
    await session.settle()
    const { turns } = (await (await worker.fetch(`/v1/sessions/${session.id}/trace`)).json()) as {
      readonly turns: ReadonlyArray<Trace>
    }
    assert.lengthOf(turns, 1)
    assert.isEmpty(faults(turns[0]!))
    const { root, trace_id } = turns[0]!
    assert.deepStrictEqual([trace_id, root.parent_span_id], [traceId, "b7ad6b7169203331"])
    const bash = root.children.find(({ name }) => name === "execute_tool bash")!
    assert.deepStrictEqual(
      bash.children.map(({ attributes, name }) => [name, attributes["ownloop.egress.outcome"]]),
      [
        ["sandbox exec", undefined],
        ["egress GET", "allowed"],
        ["egress GET", "blocked"]
      ]
    )
    const shown = decode(await (await worker.fetch(`/v1/sessions/${session.id}/trace?format=otlp&turns=1`)).json())
    assert.isEmpty(spanFaults(shown))
    assert.deepStrictEqual(await collector.turn(traceId), shown)
    assert.strictEqual((await worker.fetch(`/v1/sessions/${session.id}/trace?turns=0`)).status, 400)
  })
})
