import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Anthropic from "@anthropic-ai/sdk"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { localConfig } from "../../scripts/config.ts"
import { type MockAnswer, type MockOpenAi, startMockOpenAi } from "../support/mockOpenAi.ts"
import { apiKey, startSession } from "../support/worker.ts"
import { containers, docker, succeeds, until } from "./containers.ts"
import { heldMachines, isOfficial, vars } from "./image.ts"

/** The whole runtime is killed as by a power cut, at each stage of a machine's life, and started again. */

const stages = ["boot", "restore", "run", "save"] as const
type Stage = (typeof stages)[number]

const bash = (command: string): MockAnswer => ({ calls: [{ name: "bash", arguments: { command } }] })

let model: MockOpenAi
let script: Array<MockAnswer> = []
let folder: string
let url: string
let runtime: ChildProcess

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const state = () => ["--config", join(folder, "wrangler.json"), "--persist-to", join(folder, "state")]
const env = { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" }
const answers = (path: string) =>
  fetch(`${url}${path}`, { headers: { authorization: `Bearer ${apiKey}` } }).catch(() => undefined)

const serve = async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  const address = ["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"]
  runtime = spawn("wrangler", ["dev", "--local", ...state(), ...address], { env, stdio: "ignore", detached: true })
  await until(async () => {
    assert.isNull(runtime.exitCode)
    return (await answers("/v1/agents"))?.status === 200
  })
}

const kill = async () => {
  const exited = once(runtime, "exit")
  process.kill(-runtime.pid!, "SIGKILL")
  await exited
}

const client = () => new Anthropic({ baseURL: url, authToken: apiKey, apiKey: null, maxRetries: 0 })

/** Lets the machines do all that they want, until this is done. */
const lettingGo = async (isDone: () => Promise<boolean>) => {
  const free = new Set<string>()
  await until(() => {
    for (const container of containers()) {
      const gates = stages.map((stage) => `/tmp/go-${stage}`)
      if (!free.has(container) && succeeds(container, "touch", ...gates)) free.add(container)
    }
    return isDone()
  })
}

/** Waits until a machine has come to a stage, and lets it go on to there. */
const untilAt = (stage: Stage) =>
  until(() =>
    containers().some((container) => {
      if (stage === "restore") succeeds(container, "touch", "/tmp/go-boot")
      return succeeds(container, "test", "-e", `/tmp/at-${stage}`)
    })
  )

const send = (id: string, text: string) =>
  client().beta.sessions.events.send(id, { events: [{ type: "user.message", content: [{ type: "text", text }] }] })

const isIdle = async (id: string) => (await client().beta.sessions.retrieve(id)).status === "idle"

/** What the session's calls have said so far. */
const results = async (id: string) => {
  const said: Array<string> = []
  for await (const event of client().beta.sessions.events.list(id, { order: "asc", types: ["agent.tool_result"] })) {
    const [block] = (event as { readonly content?: ReadonlyArray<{ readonly text: string }> }).content ?? []
    said.push(block?.text ?? "")
  }
  return said
}

/** One turn that runs these commands, with nothing in its way. */
const turn = async (id: string, ...commands: ReadonlyArray<string>) => {
  script = [...commands.map(bash), { text: "done" }]
  const before = (await results(id)).length
  await send(id, "go")
  await lettingGo(() => isIdle(id))
  return (await results(id)).slice(before)
}

describe.skipIf(isOfficial)("the runtime of a session on a machine", () => {
  beforeAll(async () => {
    model = await startMockOpenAi(() => script.shift() ?? { text: "done" })
    folder = mkdtempSync(join(tmpdir(), "ownloop-processes-"))
    const config = localConfig({
      vars: { OWNLOOP_API_KEY: apiKey, OPENAI_BASE_URL: model.url, ...vars },
      without: ["build", "assets"],
      machines: heldMachines()
    })
    writeFileSync(join(folder, "wrangler.json"), JSON.stringify(config))
    const applied = spawnSync("wrangler", ["d1", "migrations", "apply", "CATALOG", "--local", ...state()], { env })
    assert.strictEqual(applied.status, 0, String(applied.stderr))
    await serve()
  })

  afterAll(async () => {
    await kill()
    await model.close()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const stage of stages) {
    it(`dies at ${stage}, and nothing is lost that was saved`, async () => {
      const { id } = await startSession({ client: client() }, { model: "local/mock", backend: "microvm" })
      const before = new Set(containers())
      assert.deepStrictEqual(await turn(id, "echo 1 > kept"), ["(no output)"])
      const [machine = "none"] = containers().filter((name) => !before.has(name))
      if (stage === "boot" || stage === "restore") docker("rm", "-f", machine)
      else succeeds(machine, "rm", "/tmp/at-save", "/tmp/go-save")

      const running = "echo 2 > more; touch /tmp/at-run; until [ -e /tmp/go-on ]; do sleep 0.1; done"
      script = [bash(stage === "run" ? running : "echo 2 > more"), { text: "done" }]
      await send(id, "go")
      await untilAt(stage)
      await kill()
      await serve()
      await lettingGo(() => isIdle(id))

      // Its machine is gone with it, which the session says before anything else is done there.
      const [told, ...said] = await turn(id, "ls", "cat kept")
      assert.match(told ?? "", /the machine was lost, and with it what was written since/)
      assert.deepStrictEqual(said, ["1"])
      assert.include((await results(id))[1], stage === "save" ? "(no output)" : "interrupted")
      const snapshots = (await (await answers(`/v1/sessions/${id}/snapshots`))?.json()) as { readonly data: object[] }
      assert.isAtLeast(snapshots.data.length, 1)
      await client().beta.sessions.delete(id)
    }, 180_000)
  }
})
