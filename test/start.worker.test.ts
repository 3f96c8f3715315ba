import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Anthropic from "@anthropic-ai/sdk"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type MockAnswer, type MockOpenAi, startMockOpenAi } from "./support/mockOpenAi.ts"

/** The commands that a newcomer runs, as processes of their own, with a home and a port of their own. */

let home: string
let port: number
let model: MockOpenAi
const answers: Array<MockAnswer> = []

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

const launch = (script: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) => {
  const child = spawn("node", [`scripts/${script}.ts`, ...args], {
    env: { ...process.env, OWNLOOP_HOME: home, OWNLOOP_PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  let stdout = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()))
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()))
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve))
  return {
    child,
    ended,
    output: () => output,
    stdout: () => stdout,
    /** Resolves once the process has printed this. */
    printed: async (text: string) => {
      while (!output.includes(text)) {
        if (child.exitCode !== null) assert.fail(`it ended before it printed ${text}:\n${output}`)
        await Promise.race([
          new Promise((resolve) => child.stdout.once("data", resolve)),
          new Promise((resolve) => child.stderr.once("data", resolve)),
          ended
        ])
      }
    }
  }
}

const run = (script: string, ...args: ReadonlyArray<string>) =>
  launch(script, args, { OPENAI_BASE_URL: model.url, OWNLOOP_MODEL: "local/mock" })

const running: Array<ChildProcess> = []

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "ownloop-home-"))
  port = await freePort()
  model = await startMockOpenAi(() => answers.shift() ?? { text: "I am done" })
})

afterAll(async () => {
  await Promise.all(
    running.map(
      (child) =>
        new Promise((resolve) =>
          child.exitCode === null ? child.once("exit", resolve) && child.kill("SIGTERM") : resolve(null)
        )
    )
  )
  await model.close()
  rmSync(home, { recursive: true, force: true })
})

const tool = (name: string, input: unknown): MockAnswer => ({ calls: [{ name, arguments: input }] })

describe("npm run task", () => {
  it("says what is wrong with the configuration, and starts nothing", async () => {
    const wrong: ReadonlyArray<readonly [providers: string, model: string, problem: string]> = [
      ['{"box": {}}', "box/mock", "OWNLOOP_PROVIDERS.box.base_url: is required"],
      ['{"box": {"base_url": "http://127.0.0.1:9/v1"}}', "bx/mock", "OWNLOOP_MODEL is bx/mock, whose provider is not"],
      ['{"box": {"base_url": "http://127.0.0.1:9/v1"}}', "", "OWNLOOP_MODEL=box/<name>"]
    ]
    for (const [OWNLOOP_PROVIDERS, OWNLOOP_MODEL, problem] of wrong) {
      const task = launch("task", ["try"], { OWNLOOP_PROVIDERS, OWNLOOP_MODEL })
      assert.strictEqual(await task.ended, 1)
      assert.include(task.output(), problem)
    }
  })

  it(
    "starts the Worker of named providers where none runs, shows what happens, and exits with 0",
    { timeout: 60_000 },
    async () => {
      answers.push(tool("bash", { command: "echo from the shell" }), { text: "The answer is 42." })
      const box = { base_url: model.url, api_key_secret: "BOX_KEY" }
      const task = launch("task", ["what is the answer?"], {
        OWNLOOP_PROVIDERS: JSON.stringify({ box }),
        BOX_KEY: "a key of its own",
        OWNLOOP_MODEL: "box/mock"
      })
      assert.strictEqual(await task.ended, 0, task.output())
      assert.strictEqual(model.requests[0]?.headers.authorization, "Bearer a key of its own")
      assert.include(task.output(), "from the shell")
      assert.include(task.output(), "The answer is 42.")
    }
  )

  it(
    "prints an answer in the form of a schema, and nothing else, on the standard output",
    { timeout: 90_000 },
    async () => {
      const file = join(home, "words.json")
      writeFileSync(file, JSON.stringify({ type: "array", items: { type: "integer" } }))
      answers.push({ text: "They are 1 and 2." }, tool("structured_output", { value: [1, "2"] }))
      const task = run("task", "--schema", file, "count")
      running.push(task.child)
      assert.strictEqual(await task.ended, 0, task.output())
      assert.deepStrictEqual(JSON.parse(task.stdout()), [1, 2])
      assert.include(task.output(), "They are 1 and 2.")

      writeFileSync(file, JSON.stringify({ type: "nothing" }))
      const refused = run("task", "--schema", file, "count")
      running.push(refused.child)
      assert.strictEqual(await refused.ended, 1)
      assert.include(refused.output(), "output_config.format.schema.type: ")
      const missing = run("task", "--schema", join(home, "none.json"), "count")
      running.push(missing.child)
      assert.strictEqual(await missing.ended, 1)
      assert.include(missing.output(), "none.json cannot be read")
    }
  )
})

describe("npm start", () => {
  it(
    "runs a sample task, then serves tasks, SDKs and failures, and recovers from a runtime that hangs",
    { timeout: 180_000 },
    async () => {
      const start = run("start")
      running.push(start.child)
      await start.printed("Still serving")
      assert.include(start.output(), "I am done")

      const failing = { status: 401, body: { error: { message: "wrong key" } } }
      answers.push(failing)
      const task = run("task", "try")
      assert.strictEqual(await task.ended, 1)
      assert.include(task.output(), "AuthenticationFailed")

      const authToken = readFileSync(join(home, "api-key"), "utf8")
      const { beta } = new Anthropic({ baseURL: `http://127.0.0.1:${port}`, authToken, apiKey: null, maxRetries: 0 })
      const environment = await beta.environments.create({ name: "quickstart" })
      const agent = await beta.agents.create({
        name: "quickstart",
        model: "default",
        tools: [{ type: "agent_toolset_20260401" }]
      })
      const session = await beta.sessions.create({ agent: agent.id, environment_id: environment.id })
      const message = (text: string) =>
        beta.sessions.events.send(session.id, { events: [{ type: "user.message", content: [{ type: "text", text }] }] })
      await message("hello")
      for await (const event of await beta.sessions.events.stream(session.id))
        if (event.type === "session.status_idle") break

      // No loop that a guard could stop: the runtime hangs, is started again, and the session goes on by itself.
      answers.push(tool("bash", { command: "node -e 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)'" }))
      await message("hang")
      await start.printed("starting it again")
      let status = ""
      while (status !== "idle") ({ status } = await beta.sessions.retrieve(session.id).catch(() => ({ status: "" })))
      const events = await beta.sessions.events.list(session.id, { order: "desc", limit: 20 })
      const result = events.data.find((event) => event.type === "agent.tool_result")
      assert.include(JSON.stringify(result), "interrupted")

      // Kept under a root key of this machine, which is rotated while nothing serves.
      const vault = await beta.vaults.create({ display_name: "mine" })
      const auth = {
        type: "static_bearer",
        mcp_server_url: "https://mcp.example.com/",
        token: "hunter2-hunter2"
      } as const
      await beta.vaults.credentials.create(vault.id, { auth })
      const refused = run("rotate-keys")
      assert.strictEqual(await refused.ended, 1)
      assert.include(refused.output(), "is serving")

      start.child.kill("SIGTERM")
      assert.strictEqual(await start.ended, 0)
      const rotation = run("rotate-keys")
      assert.strictEqual(await rotation.ended, 0, rotation.output())
      assert.match(
        rotation.output(),
        /^1 credentials were encrypted anew; the key in use is k\w+\nNo stored value needs/m
      )
      assert.lengthOf(readFileSync(join(home, "root-key"), "utf8").split(","), 2)
    }
  )
})
