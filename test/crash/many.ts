import { randomBytes } from "node:crypto"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Anthropic from "@anthropic-ai/sdk"
import { buildOwnloop } from "../../bench/build.ts"
import { ownloop } from "../../bench/contenders.ts"
import type { Script } from "../../bench/model.ts"
import { type Server, start, stop, usage } from "../../bench/processes.ts"

// 200 sessions at once in one runtime, each of 10 turns that call a tool and one that ends it, each with a client that follows it.

const sessions = 200
const script: Script = { turns: 10, parallel: 1, deltas: 10, trickles: false }

/** The message and that it runs; request, call, end and result of each turn; request, message and end of the last; that it is idle. */
const expected = 2 + 4 * script.turns + 3 + 1

if (existsSync("/dev/shm")) process.env["TMPDIR"] ??= "/dev/shm"
const folder = mkdtempSync(join(tmpdir(), "ownloop-many-"))
const servers: Array<Server> = []
const open = async (module: string, message?: object) => {
  const server = await start(module, message)
  servers.push(server)
  return server
}

/** What is wrong with the log of a session. */
const problems = async ({ beta }: Anthropic, id: string): Promise<ReadonlyArray<string>> => {
  const log = []
  for await (const event of beta.sessions.events.list(id, { order: "asc", limit: 1000 })) log.push(event)
  const last = log.at(-1)
  return [
    ...(log.length === expected ? [] : [`${id} has ${log.length} events and not ${expected}`]),
    ...log.flatMap((event) => (event.type === "session.error" ? [`${id}: ${event.error.message}`] : [])),
    ...(last?.type === "session.status_idle" && last.stop_reason.type === "end_turn"
      ? []
      : [`${id} did not end its turn`])
  ]
}

try {
  const build = buildOwnloop(join(folder, "build"))
  const model = await open("model.ts")
  const apiKey = randomBytes(16).toString("hex")
  const vars = { OWNLOOP_MODEL: "local/unused", OPENAI_BASE_URL: `${model.url}/v1`, OWNLOOP_API_KEY: apiKey }
  const server = await open("serve.ts", { contender: "ownloop", build, folder, vars })
  const contender = await ownloop(server, model, apiKey)
  const runAll = (count: number) => Promise.all(Array.from({ length: count }, () => contender.run(script)))

  const warmUp = 8
  await runAll(warmUp)
  const before = usage(server)?.rssMiB ?? Number.NaN
  const startedAt = performance.now()
  await runAll(sessions)
  const seconds = (performance.now() - startedAt) / 1_000
  const after = usage(server)?.rssMiB ?? Number.NaN

  const client = new Anthropic({ baseURL: server.url, authToken: apiKey, apiKey: null })
  const wrong: Array<string> = []
  let count = 0
  for await (const { id } of client.beta.sessions.list({ limit: 100 })) {
    count++
    wrong.push(...(await problems(client, id)))
  }
  if (count !== warmUp + sessions) wrong.push(`${count} sessions are listed and not ${warmUp + sessions}`)

  const turns = sessions * (script.turns + 1)
  console.log(
    `${sessions} sessions at once, ${turns} turns in ${seconds.toFixed(1)} s (${Math.round(turns / seconds)} a second)`
  )
  console.log(
    `${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB after: ${((after - before) / sessions).toFixed(2)} MiB per session`
  )
  console.log(wrong.length === 0 ? "every session ended its turn, with all of its events" : wrong.join("\n"))
  if (wrong.length > 0) process.exitCode = 1
} finally {
  await Promise.all(servers.map(stop))
  rmSync(folder, { recursive: true, force: true })
}
