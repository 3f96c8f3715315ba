import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { Task } from "../../src/domain/Task.ts"
import { build, tasks as tasksModules } from "./build.ts"
import { apiKey, call, type Page } from "./client.ts"
import { type Runtime, start } from "./runtime.ts"
import { startOutside } from "./taskOutside.ts"

// Two tasks, one at a time, whose messages come up to five times in any order; the runtime is killed at every step of them, started again,
// and given the same messages. `--only <text>` takes the points that hold the text.

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } })
const patience = 60_000

execFileSync("node", ["scripts/build-shell.ts"], { stdio: "inherit" })
const folder = mkdtempSync(join(tmpdir(), "ownloop-tasks-"))
const outside = await startOutside()
const { worker, statements } = build(
  folder,
  {
    ...outside.vars,
    OWNLOOP_API_KEY: apiKey,
    OWNLOOP_MODEL: "local/main",
    OWNLOOP_MAX_TASKS: "1",
    OWNLOOP_WEBHOOK_SECRET: `whsec_${randomBytes(24).toString("base64")}`,
    OWNLOOP_WEBHOOK_HOSTS: outside.host
  },
  tasksModules
)
const running = new Set<Runtime>()

const run = async (state: string, isFirst: boolean) => {
  const runtime = await start({ worker, folder: state, statements: isFirst ? statements : {} })
  running.add(runtime)
  return runtime
}
const kill = async (runtime: Runtime) => {
  if (running.delete(runtime)) await runtime.kill()
}

const create = async (runtime: Runtime, path: string, body: object) =>
  (await call(runtime, "POST", path, body)) as { readonly id: string }
const list = async (runtime: Runtime, path: string) =>
  ((await call(runtime, "GET", path)) as Page<{ readonly id: string; readonly type: string }>).data

const prepare = async (runtime: Runtime) => {
  const environment = await create(runtime, "/v1/environments", { name: "tasks" })
  const agent = await create(runtime, "/v1/agents", { name: "worker", model: "local/main" })
  return ["one", "two"].map((key) => ({
    agent: agent.id,
    environment_id: environment.id,
    input: `do ${key}`,
    idempotency_key: key,
    reply_to: { type: "webhook", url: `${outside.url}/outcome` }
  }))
}

/** Each of them one to five times, in an order that is the same for the same seed. */
const repeated = <A>(messages: ReadonlyArray<A>, seed: number): ReadonlyArray<A> => {
  let state = seed * 2_654_435_761
  const next = (below: number) => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % below
  return messages
    .flatMap((message) => Array.from({ length: 1 + next(5) }, () => ({ message, place: next(1_000) })))
    .sort((a, b) => a.place - b.place)
    .map(({ message }) => message)
}

const within = <A>(promise: Promise<A>, what: string): Promise<A> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${what}; it came to ${outside.points.at(-1)}`)), patience)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const tasksOf = async (runtime: Runtime) => ((await call(runtime, "GET", "/v1/tasks?limit=100")) as Page<Task>).data

/** Until both have ended and were told. */
const settle = async (runtime: Runtime) => {
  while (true) {
    const next = outside.next()
    const tasks = await tasksOf(runtime)
    const deliveries = await list(runtime, "/v1/deliveries?status=pending")
    if (tasks.length === 2 && tasks.every(({ outcome }) => outcome !== null) && deliveries.length === 0) return tasks
    // What a process died over is tried again by the clock's calls.
    if (await Promise.race([next.then(() => false), new Promise((resolve) => setTimeout(resolve, 500, true))])) {
      runtime.order({ cron: "* * * * *" })
    }
  }
}

const problems = async (runtime: Runtime, tasks: ReadonlyArray<Task>): Promise<ReadonlyArray<string>> => {
  const sessions = await list(runtime, "/v1/sessions?limit=100")
  const found: Array<string> = []
  if (sessions.length !== 2) found.push(`there are ${sessions.length} sessions`)
  for (const { id, idempotency_key, outcome, session_id, transitions } of tasks) {
    const statuses = transitions.map(({ status }) => status).join(" ")
    if (statuses !== "queued claimed running succeeded") found.push(`task ${idempotency_key} was ${statuses}`)
    if (outcome?.text !== "done") found.push(`task ${idempotency_key} came to ${JSON.stringify(outcome)}`)
    const events = await list(runtime, `/v1/sessions/${session_id}/events?limit=100`)
    const asked = events.filter(({ type }) => type === "user.message").length
    if (asked !== 1) found.push(`task ${idempotency_key} was told ${asked} times what to do`)
    const told = outside.outcomes.filter(({ body }) => body.includes(id))
    if (told.length === 0) found.push(`the outcome of ${idempotency_key} was not told`)
    if (new Set(told.map((outcome) => outcome.id + outcome.body)).size > 1) {
      found.push(`two outcomes of ${idempotency_key} were told`)
    }
  }
  return found
}

/** What is wrong where it is killed at the point; nothing where it never comes there. */
const crash = async (point: string | undefined, seed: number) => {
  const state = mkdtempSync(join(folder, "state-"))
  void outside.hold(undefined)
  let runtime = await run(state, true)
  try {
    const messages = await prepare(runtime)
    const caught = outside.hold(point)
    runtime.order({ queue: "TASKS", messages: repeated(messages, seed) })
    const first = within(settle(runtime), "the tasks did not end").catch(() => undefined)
    const isCaught = await Promise.race([caught.then(() => true), first.then(() => false)])
    if (isCaught) {
      await kill(runtime)
      runtime = await run(state, false)
      runtime.order({ queue: "TASKS", messages: repeated(messages, seed + 1) })
    }
    const tasks = await within(settle(runtime), "the tasks did not end")
    return { isCaught, problems: await problems(runtime, tasks), points: [...outside.points] }
  } finally {
    await kill(runtime)
    rmSync(state, { recursive: true, force: true })
  }
}

try {
  const undisturbed = await crash(undefined, 1)
  if (undisturbed.problems.length > 0) throw new Error(`nothing happened, and ${undisturbed.problems.join("; ")}`)
  const points = undisturbed.points.filter((point) => point.includes(values.only))
  console.log(`${points.length} points`)
  let wrong = 0
  let missed = 0
  for (const [index, point] of points.entries()) {
    const outcome = await crash(point, index).catch((error: unknown) => ({ isCaught: true, problems: [String(error)] }))
    if (!outcome.isCaught) missed++
    if (outcome.problems.length > 0) wrong++
    const what =
      outcome.problems.length > 0
        ? `WRONG: ${outcome.problems.join("; ")}`
        : outcome.isCaught
          ? "ok"
          : "ok, never came there"
    console.log(`${point.padEnd(52)}  ${what}`)
  }
  console.log(`\n${points.length} points, ${missed} not come to in another order, ${wrong} wrong`)
  if (wrong > 0) process.exitCode = 1
} finally {
  await Promise.all([...running].map(kill))
  await outside.close()
  rmSync(folder, { recursive: true, force: true })
}
