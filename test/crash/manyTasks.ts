import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Task, TaskStatus } from "../../src/domain/Task.ts"
import { build } from "./build.ts"
import { apiKey, call, done, type Page } from "./client.ts"
import { start } from "./runtime.ts"

// 2,000 tasks at once, half of them written to the queue twice: none is lost, none is done twice, and no more run at a time than may.

const count = 2_000
const limits = { all: 10, perAgent: 4 }
const agents = 4

if (existsSync("/dev/shm")) process.env["TMPDIR"] ??= "/dev/shm"
execFileSync("node", ["scripts/build-shell.ts"], { stdio: "inherit" })
const folder = mkdtempSync(join(tmpdir(), "ownloop-many-tasks-"))

/** Requests that the model is answering, by the model's name: as many sessions run at least. */
const busy = new Map<string, number>()
let mostInAll = 0
let mostOfOne = 0
let requests = 0
const asked = Promise.withResolvers<void>()

const answer = (model: string, send: (text: string) => void) => {
  if (++requests === count) asked.resolve()
  busy.set(model, (busy.get(model) ?? 0) + 1)
  mostInAll = Math.max(
    mostInAll,
    [...busy.values()].reduce((sum, some) => sum + some, 0)
  )
  mostOfOne = Math.max(mostOfOne, ...busy.values())
  // Long enough for others to begin meanwhile.
  setTimeout(() => {
    busy.set(model, (busy.get(model) ?? 0) - 1)
    send(done)
  }, 50)
}

const model = createServer((request, response) => {
  let body = ""
  request.setEncoding("utf8")
  request.on("data", (piece: string) => (body += piece))
  request.on("end", () => {
    const { model } = JSON.parse(body) as { model: string }
    answer(model, (text) => response.writeHead(200, { "content-type": "text/event-stream" }).end(text))
  })
})
await new Promise<void>((resolve) => model.listen(0, "127.0.0.1", resolve))
const { port } = model.address() as AddressInfo // It listens on a port, not on a pipe.

const vars = {
  OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
  OWNLOOP_API_KEY: apiKey,
  OWNLOOP_MODEL: "local/main",
  OWNLOOP_MAX_TASKS: String(limits.all),
  OWNLOOP_MAX_TASKS_PER_AGENT: String(limits.perAgent)
}
const { worker, statements } = build(folder, vars, {})
const runtime = await start({ worker, folder, statements })

const create = async (path: string, body: object) =>
  (await call(runtime, "POST", path, body)) as { readonly id: string }

const all = async (path: string): Promise<ReadonlyArray<Task>> => {
  const found: Array<Task> = []
  let page: string | null = ""
  while (page !== null) {
    const answer = (await call(runtime, "GET", `${path}?limit=100${page === "" ? "" : `&page=${page}`}`)) as Page<Task>
    found.push(...answer.data)
    page = answer.next_page
  }
  return found
}

const open: ReadonlyArray<TaskStatus> = ["queued", "claimed", "running", "waiting"]
const isAnyOpen = async () => {
  const query = open.map((status) => `statuses[]=${status}`).join("&")
  const page = (await call(runtime, "GET", `/v1/tasks?limit=1&${query}`)) as Page<Task>
  return page.data.length > 0
}

try {
  const environment = await create("/v1/environments", { name: "many" })
  const workers = await Promise.all(
    Array.from({ length: agents }, (_, index) =>
      create("/v1/agents", { name: `worker ${index}`, model: `local/${index}` })
    )
  )
  const messages = Array.from({ length: count }, (_, index) => ({
    // One agent has half of all.
    agent: workers[index % 2 === 0 ? 0 : 1 + (index % (agents - 1))]!.id,
    environment_id: environment.id,
    input: `task ${index}`,
    idempotency_key: `task ${index}`
  }))
  const startedAt = performance.now()
  runtime.order({
    queue: "TASKS",
    messages: messages.flatMap((message, index) => (index % 2 === 0 ? [message, message] : [message]))
  })
  await asked.promise
  while (await isAnyOpen()) await new Promise((resolve) => setTimeout(resolve, 250))
  const seconds = (performance.now() - startedAt) / 1_000
  const tasks = await all("/v1/tasks")
  const sessions = await all("/v1/sessions")

  const wrong = tasks.flatMap(({ id, outcome, status, transitions }) => {
    const was = transitions.map(({ status }) => status).join(" ")
    return status === "succeeded" && outcome?.text === "done" && was === "queued claimed running succeeded"
      ? []
      : [`${id} was ${was}`]
  })
  if (tasks.length !== count) wrong.push(`there are ${tasks.length} tasks`)
  if (sessions.length !== count) wrong.push(`there are ${sessions.length} sessions`)
  if (requests !== count) wrong.push(`the model was asked ${requests} times`)
  if (mostInAll > limits.all) wrong.push(`${mostInAll} ran at a time, of ${limits.all}`)
  if (mostOfOne > limits.perAgent) wrong.push(`${mostOfOne} of one agent ran at a time, of ${limits.perAgent}`)
  console.log(`${count} tasks at once in ${seconds.toFixed(1)} s (${Math.round(count / seconds)} a second)`)
  console.log(
    `at a time at most ${mostInAll} of ${limits.all} in all, and ${mostOfOne} of ${limits.perAgent} of one agent`
  )
  console.log(wrong.length === 0 ? "none was lost, none was done twice" : wrong.slice(0, 20).join("\n"))
  if (wrong.length > 0) process.exitCode = 1
} finally {
  await runtime.kill()
  await new Promise((resolve) => model.close(resolve).closeAllConnections())
  rmSync(folder, { recursive: true, force: true })
}
