import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type MockOpenAi, startMockOpenAi } from "./support/mockOpenAi.ts"
import { startWorker, type Worker } from "./support/worker.ts"

/** The flow of the official SDK's own example, unchanged: environment, agent, session, send, then stream until idle. */

let worker: Worker
let model: MockOpenAi

beforeAll(async () => {
  model = await startMockOpenAi(() => ({ text: ["Hello", ", ", "world"] }))
  worker = await startWorker({ OPENAI_BASE_URL: model.url })
})

afterAll(async () => {
  await worker.close()
  await model.close()
})

const message = (text: string) => ({ type: "user.message" as const, content: [{ type: "text" as const, text }] })

for (const sdk of ["client", "client0"] as const) {
  describe(sdk === "client" ? "@anthropic-ai/sdk 1.12.0" : "@anthropic-ai/sdk 0.120.0", () => {
    for (const name of ["local/mock", "demo"]) {
      it(`runs the quickstart on ${name}`, async () => {
        const { beta } = worker[sdk] as Worker["client"] // The parts used here are the same in both versions.
        const environment = await beta.environments.create({ name: `quickstart ${sdk} ${name}` })
        const agent = await beta.agents.create({ name: "greeter", model: name })
        const session = await beta.sessions.create({
          environment_id: environment.id,
          agent: { type: "agent", id: agent.id }
        })
        await beta.sessions.events.send(session.id, { events: [message("Say hello")] })

        const types: Array<string> = []
        let text = ""
        for await (const event of await beta.sessions.events.stream(session.id)) {
          types.push(event.type)
          if (event.type === "agent.message")
            text += event.content.map((block) => ("text" in block ? block.text : "")).join("")
          if (event.type === "session.status_idle") {
            assert.strictEqual(event.stop_reason.type, "end_turn")
            break
          }
        }
        if (name === "demo") assert.include(text, "no AI is running")
        else assert.strictEqual(text, "Hello, world")
        // An early stream also shows the message while it was queued.
        const shown = types[0] === "user.message" ? types.slice(1) : types
        assert.deepStrictEqual(shown, [
          "session.status_running",
          "user.message",
          "span.model_request_start",
          "agent.message",
          "span.model_request_end",
          "session.status_idle"
        ])
        assert.strictEqual((await beta.sessions.retrieve(session.id)).status, "idle")
      })
    }

    it("streams what a model is writing to those who ask for it, under the id of the message that follows", async () => {
      const { beta } = worker[sdk] as Worker["client"]
      const environment = await beta.environments.create({ name: `deltas ${sdk}` })
      const agent = await beta.agents.create({ name: "greeter", model: "local/mock" })
      const session = await beta.sessions.create({ environment_id: environment.id, agent: agent.id })
      const stream = await beta.sessions.events.stream(session.id, { event_deltas: ["agent.message"] })
      await beta.sessions.events.send(session.id, { events: [message("Say hello")] })
      const started: Array<string> = []
      let written = ""
      for await (const event of stream) {
        if (event.type === "event_start") started.push(event.event.id)
        if (event.type === "event_delta") written += event.delta.content.text
        if (event.type === "agent.message") assert.deepStrictEqual(started, [event.id])
        if (event.type === "session.status_idle") break
      }
      assert.isTrue("Hello, world".startsWith(written) && written !== "")
    })
  })
}
