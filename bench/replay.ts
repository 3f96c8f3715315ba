import { randomBytes } from "node:crypto"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { replay } from "../layers/replay.ts"
import * as Export from "../src/trace/Export.ts"
import type { Span, Trace } from "../src/trace/Span.ts"
import { buildOwnloop } from "./build.ts"
import { ownloop } from "./contenders.ts"
import { send } from "./http.ts"
import { type Server, start, stop } from "./processes.ts"
import { digits, p50, percentile } from "./report.ts"

// How long sessions of the real Worker take to be read as traces, and to run again in this process.

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, check: { type: "boolean" } } })
const rounds = options.quick === true ? 3 : 20

if (existsSync("/dev/shm")) process.env["TMPDIR"] ??= "/dev/shm"
const folder = mkdtempSync(join(tmpdir(), "ownloop-bench-replay-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1))

const script = { turns: 60, parallel: 1, deltas: 1, trickles: false }
/** A span for the turn, one for each of 2,001 requests, and four calls for each of 2,000. */
const large = { ...script, turns: 2_000, parallel: 4 }

const countOf = (span: Span): number => span.children.reduce((sum, child) => sum + countOf(child), 1)

/** Milliseconds of each time, the first one apart: there the code is new to the runtime. */
const timed = async (work: () => Promise<unknown>) => {
  const millis: Array<number> = []
  for (let round = 0; round <= rounds; round++) {
    const began = performance.now()
    await work()
    millis.push(performance.now() - began)
  }
  return { first: millis[0]!, others: millis.slice(1) }
}

const servers: Array<Server> = []

const measure = async () => {
  const model = await start("model.ts")
  servers.push(model)
  const apiKey = randomBytes(16).toString("hex")
  const vars = {
    OWNLOOP_MODEL: "local/unused",
    OPENAI_BASE_URL: `${model.url}/v1`,
    OWNLOOP_API_KEY: apiKey,
    OWNLOOP_MAX_STEPS: "3000"
  }
  const build = buildOwnloop(join(folder, "ownloop"))
  const worker = await start("serve.ts", { contender: "ownloop", build, folder, vars })
  servers.push(worker)
  const contender = await ownloop(worker, model, apiKey)
  const get = (path: string) =>
    send({ url: `${worker.url}/v1/sessions/${path}`, headers: { authorization: `Bearer ${apiKey}` } })

  const short = await contender.run(script)
  const file = await get(`${short.id}/export`)
  const run = () => Effect.runPromise(Effect.flatMap(Export.parse(file), replay))
  const events = await run()
  const again = await timed(run)

  const long = await contender.run(large)
  const answer: { readonly turns: ReadonlyArray<Trace> } = JSON.parse(await get(`${long.id}/trace`))
  const spans = answer.turns.reduce((sum, { root }) => sum + countOf(root), 0)
  if (spans < 10_000) throw new Error(`the trace has ${spans} spans only`)
  const tree = await timed(() => get(`${long.id}/trace`))
  const otlp = await timed(() => get(`${long.id}/trace?format=otlp`))
  return { again, events, otlp, spans, tree }
}

const row = (what: string, { first, others }: Awaited<ReturnType<typeof timed>>, limit: number) => ({
  text: `| ${what} | ${digits(first)} | ${digits(p50(others))} / ${digits(percentile(others, 0.95))} | ${limit} |`,
  isOver: !(p50(others) <= limit)
})

try {
  const { again, events, otlp, spans, tree } = await measure()
  const rows = [
    row(`a replay of 60 turns (${events} events), read from its file`, again, 1_000),
    row(`a trace of ${spans} spans`, tree, 300),
    row("the same as OTLP", otlp, 300)
  ]
  console.log(`${rounds} times\n\n| ms | first | p50 / p95 | limit |\n| --- | --- | --- | --- |`)
  for (const { text } of rows) console.log(text)
  const isOver = rows.some(({ isOver }) => isOver)
  console.log(isOver ? "\nOVER" : "\nEvery limit is kept.")
  if (options.check === true && isOver) process.exitCode = 1
} finally {
  await Promise.all(servers.map(stop))
}
