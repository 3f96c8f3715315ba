import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type MockAnswer, type MockOpenAi, startMockOpenAi } from "../support/mockOpenAi.ts"
import { startSession, startWorker, type Worker } from "../support/worker.ts"
import { containers } from "./containers.ts"
import { isOfficial, machines, vars } from "./image.ts"

/** Sessions on machines, in the product's own Worker: a model over HTTP, a container each, the gateway. */

let worker: Worker
let model: MockOpenAi
const script: Array<MockAnswer> = []
const bash = (command: string): MockAnswer => ({ calls: [{ name: "bash", arguments: { command } }] })

beforeAll(async () => {
  model = await startMockOpenAi(() => script.shift() ?? { status: 400, body: "no script" })
  worker = await startWorker({ OPENAI_BASE_URL: model.url, ...vars }, machines())
})

afterAll(async () => {
  await worker.close()
  await model.close()
})

const results = (events: ReadonlyArray<{ readonly type: string }>) =>
  (events as ReadonlyArray<{ readonly type: string; readonly content?: ReadonlyArray<{ readonly text?: string }> }>)
    .filter(({ type }) => type === "agent.tool_result")
    .map(({ content }) => content?.[0]?.text)

describe(`a session on a machine${isOfficial ? "" : " (with a stand-in for its server)"}`, () => {
  it("works there, and its machine ends with it", async () => {
    const before = new Set(containers())
    const session = await startSession(worker, { model: "local/mock", backend: "microvm" })
    script.push(
      { calls: [{ name: "write", arguments: { file_path: "a.py", content: "print(6 * 7)" } }] },
      bash("cd /tmp; python3 /workspace/a.py; uname -s"),
      bash("pwd; exit 3"),
      { calls: [{ name: "read", arguments: { file_path: "a.py" } }] },
      { text: "done" }
    )
    assert.lengthOf(
      containers().filter((name) => !before.has(name)),
      0
    )
    await session.send("go")
    const said = results(await session.untilIdle())
    assert.deepInclude(said, "42\nLinux")
    assert.deepInclude(said, "/tmp\nexit code: 3")
    assert.match(said[3] ?? "", /print\(6 \* 7\)/)
    assert.lengthOf(
      containers().filter((name) => !before.has(name)),
      1
    )
    await worker.client.beta.sessions.archive(session.id)
    assert.lengthOf(
      containers().filter((name) => !before.has(name)),
      0
    )
  })

  it("reaches what its environment allows, and each request is audited as of that session", async () => {
    const session = await startSession(worker, { model: "local/mock", backend: "microvm", hosts: ["allowed.invalid"] })
    script.push(
      bash(
        "curl -s -w '%{http_code} ' -o /dev/null https://allowed.invalid/a -o /dev/null https://elsewhere.invalid/b"
      ),
      {
        text: "done"
      }
    )
    await session.send("go")
    const events = await session.untilIdle()
    assert.match(results(events)[0] ?? "", /^50\d 403/)
    const call = events.find((event) => event.type === "agent.tool_use")?.id ?? "none"
    const { data } = await session.decisions(worker.fetch)
    assert.sameDeepMembers(
      data.map(({ host, outcome, path, tool_use_id }) => [host, outcome, path, tool_use_id]),
      [
        ["allowed.invalid", "allowed", "/a", call],
        ["elsewhere.invalid", "blocked", "/b", call]
      ]
    )
    await worker.client.beta.sessions.delete(session.id)
  })
})
