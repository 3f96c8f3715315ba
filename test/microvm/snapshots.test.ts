import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { SessionEvent } from "../../src/domain/Event.ts"
import type { WorkspaceSnapshot } from "../../src/domain/WorkspaceSnapshot.ts"
import { type MockAnswer, type MockOpenAi, startMockOpenAi } from "../support/mockOpenAi.ts"
import { startSession, startWorker, type Worker } from "../support/worker.ts"
import { containers, docker, until } from "./containers.ts"
import { isOfficial, machines, vars } from "./image.ts"

/** What becomes of the workspaces of sessions on machines, in the product's own Worker. A machine that nobody uses sleeps soon. */

let worker: Worker
let model: MockOpenAi
const script: Array<MockAnswer | (() => MockAnswer | Promise<MockAnswer>)> = []
const bash = (command: string): MockAnswer => ({ calls: [{ name: "bash", arguments: { command } }] })

const untilGone = (container: string) => until(() => !containers().includes(container))

beforeAll(async () => {
  model = await startMockOpenAi(() => {
    const next = script.shift() ?? { status: 400, body: "no script" }
    return typeof next === "function" ? next() : next
  })
  worker = await startWorker({ OPENAI_BASE_URL: model.url, OWNLOOP_SANDBOX_SLEEP_AFTER: "3s", ...vars }, machines())
})

afterAll(async () => {
  await worker.close()
  await model.close()
})

type Session = Awaited<ReturnType<typeof startSession>>

const start = async (fields: Parameters<typeof startSession>[1] = {}) =>
  startSession(worker, { model: "local/mock", backend: "microvm", ...fields })

/** What each call said. */
const results = (events: ReadonlyArray<{ readonly type: string; readonly content?: unknown }>) =>
  events
    .filter(({ type }) => type === "agent.tool_result")
    .map(({ content }) => (content as ReadonlyArray<{ readonly text: string }>)[0]!.text)

/** One turn that runs these commands. Answers what each of them said. */
const turn = async (session: Session, ...commands: ReadonlyArray<string>) => {
  script.push(...commands.map(bash), { text: "done" })
  await session.send("go")
  return results(await session.untilIdle())
}

/** The log, with what the SDK does not know. */
const log = async ({ id }: Session) => {
  const answer = await worker.fetch(`/v1/sessions/${id}/events?limit=1000`)
  return ((await answer.json()) as { readonly data: ReadonlyArray<SessionEvent> }).data
}

const kept = async ({ id }: Session) => {
  const answer = await worker.fetch(`/v1/sessions/${id}/snapshots`)
  return ((await answer.json()) as { readonly data: ReadonlyArray<WorkspaceSnapshot> }).data
}

/** The container that the session's first command brings. */
const withContainer = async (session: Session, command: string) => {
  const before = new Set(containers())
  const said = await turn(session, command)
  const [container = "none", ...others] = containers().filter((name) => !before.has(name))
  assert.lengthOf(others, 0)
  return { container, said }
}

const create = (fields: object) =>
  worker.fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fields)
  })

describe(`a workspace in a machine${isOfficial ? "" : " (with a stand-in for its server)"}`, () => {
  it("outlives its machine, which sleeps when nobody uses it", async () => {
    const session = await start()
    const { container } = await withContainer(session, "echo 1 > a; echo 2 > /tmp/b")
    const [snapshot] = await kept(session)
    assert.deepInclude(snapshot, { entries: 2 })
    await untilGone(container)
    // Before it slept, nothing had changed.
    assert.deepStrictEqual(await kept(session), [snapshot!])
    assert.deepStrictEqual(await turn(session, "cat a; ls /tmp"), ["1"])
    const events = await log(session)
    const types = events.map(({ type }) => type).filter((type) => /workspace|machine|idle/.test(type))
    assert.deepStrictEqual(types.slice(0, 5), [
      "session.workspace_saved",
      "session.status_idle",
      "session.machine_stopping",
      "session.workspace_saved",
      "session.workspace_saved"
    ])
  })

  it("is saved as it is when the machine sleeps, also what came after the turn", async () => {
    const session = await start()
    const { container } = await withContainer(session, "(sleep 1; echo late > late) > /dev/null 2>&1 & echo begun")
    await untilGone(container)
    assert.deepStrictEqual(await turn(session, "cat late"), ["late"])
    assert.lengthOf(await kept(session), 2)
  })

  it("is saved when the platform ends its machine, as for a deploy, and the turn goes on in another", async () => {
    const session = await start()
    const before = new Set(containers())
    script.push(
      bash("echo 1 > a"),
      async () => {
        const [container = "none"] = containers().filter((name) => !before.has(name))
        docker("kill", "--signal", "TERM", container)
        await until(async () => (await log(session)).some(({ type }) => type === "session.machine_stopping"))
        return bash("cat a; echo 2 > b")
      },
      bash("cat a b; [ -e /tmp/here ] || echo another"),
      { text: "done" }
    )
    await session.send("go")
    assert.deepStrictEqual(results(await session.untilIdle()), ["(no output)", "1", "1\n2\nanother"])
    const types = (await log(session)).map(({ type }) => type).filter((type) => /workspace|machine/.test(type))
    assert.deepStrictEqual(types, ["session.machine_stopping", "session.workspace_saved", "session.workspace_saved"])
  })

  it("is what was saved last where its machine dies, and the model is told what is lost", async () => {
    const before = new Set(containers())
    const session = await start()
    const { container } = await withContainer(session, "echo 1 > a")
    script.push(
      bash("echo 2 > b"),
      () => {
        docker("kill", container)
        return bash("ls; echo 3 > c")
      },
      bash("ls"),
      { text: "done" }
    )
    await session.send("go")
    const [, told, listed] = results(await session.untilIdle())
    const [saved] = await kept(session)
    assert.include(told, `the machine was lost, and with it what was written since ${saved!.created_at}`)
    assert.strictEqual(listed, "a")
    // A machine that dies with nothing lost is not worth a word.
    docker("kill", ...containers().filter((id) => !before.has(id)))
    assert.deepStrictEqual(await turn(session, "cat a"), ["1"])
  })

  it("begins with a snapshot of another session, whatever becomes of that", async () => {
    const session = await start()
    await turn(session, "echo 1 > a")
    const [snapshot] = await kept(session)
    const { agent, environment_id } = await worker.client.beta.sessions.retrieve(session.id)
    const fields = { agent: agent.id, environment_id, snapshot: { session_id: session.id, id: snapshot!.id } }
    const created = await create(fields)
    assert.strictEqual(created.status, 200)
    const { id } = (await created.json()) as { readonly id: string }
    await turn(session, "echo 2 > a")
    await worker.client.beta.sessions.delete(session.id)

    script.push(bash("cat a; echo 3 > b"), { text: "done" })
    const { beta } = worker.client
    await beta.sessions.events.send(id, { events: [{ type: "user.message", content: [{ type: "text", text: "go" }] }] })
    await until(async () => (await beta.sessions.retrieve(id)).status === "idle")
    const events: Array<string> = []
    for await (const event of beta.sessions.events.list(id)) events.push(JSON.stringify(event))
    assert.match(events.join(""), /"text":"1"/)
    const answer = (await (await worker.fetch(`/v1/sessions/${id}/snapshots`)).json()) as {
      readonly data: ReadonlyArray<WorkspaceSnapshot>
    }
    assert.strictEqual(answer.data[1]?.id, snapshot!.id)
    assert.lengthOf(answer.data, 2)

    const gone = await create(fields)
    assert.strictEqual(gone.status, 404)
  })

  it("of a fork is what was saved before, and its model is told what is not", async () => {
    const session = await start()
    await turn(session, "echo 1 > a")
    const first = (await log(session)).at(-1)!
    await turn(session, "echo 2 > a", "echo 3 > b")
    const uses = (await log(session)).filter(({ type }) => type === "agent.tool_result")
    /** What the calls of a fork said, which goes on from there with so many results. */
    const fork = async (at: string, inherited: number) => {
      const answer = await worker.fetch(`/v1/sessions/${session.id}/fork`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          at,
          initial_events: [{ type: "user.message", content: [{ type: "text", text: "go" }] }]
        })
      })
      const { id } = (await answer.json()) as { readonly id: string }
      const isOver = async () =>
        script.length === 0 && (await log({ ...session, id })).at(-1)?.type === "session.status_idle"
      await until(isOver)
      return results(await log({ ...session, id })).slice(inherited)
    }
    script.push(bash("cat a; ls"), { text: "done" })
    assert.deepStrictEqual(await fork(first.id, 1), ["1\na"])
    // In the middle of a turn, after the first of its calls.
    script.push(bash("cat a"), bash("cat a; ls"), { text: "done" })
    const [told, seen] = await fork(uses[1]!.id, 2)
    assert.include(told, "the machine was lost, and with it what was written since")
    assert.strictEqual(seen, "1\na")
    // Two are kept: before the third there was the first.
    await turn(session, "echo 4 > c")
    const refused = await worker.fetch(`/v1/sessions/${session.id}/fork`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ at: first.id })
    })
    assert.strictEqual(refused.status, 400)
    assert.match(await refused.text(), /at: the workspace as it was then, in snap_\w+, is not kept any more/)
  })
})
