import { randomBytes } from "node:crypto"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { type Build, buildHand, buildOwnloop, gzipKiB } from "./build.ts"
import { type Contender, hand, ownloop } from "./contenders.ts"
import { type Server, start, stop, usage } from "./processes.ts"
import { type Results, rows, table } from "./report.ts"
import { long, rest, Samples, scenarios, sessionsPerRound } from "./scenarios.ts"
import type { Serve } from "./serve.ts"

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, check: { type: "boolean" } } })
const rounds = options.quick === true ? 3 : 20
const warmUpRounds = options.quick === true ? 2 : 4

// A disk's fsync costs the same for both and hides what differs: where there is a memory file system, databases are kept there.
if (existsSync("/dev/shm")) process.env["TMPDIR"] ??= "/dev/shm"
const folder = mkdtempSync(join(tmpdir(), "ownloop-bench-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1))

const say = (text: string) => process.stderr.write(`${text}\n`)

const servers: Array<Server> = []
const open = async (module: string, message?: Serve) => {
  const server = await start(module, message)
  servers.push(server)
  return server
}

interface Measurement {
  readonly contender: Contender
  readonly build: Build
  samples: Samples
  memory: number
}

const measure = (contender: Contender, build: Build): Measurement => ({
  contender,
  build,
  samples: new Samples(),
  memory: 0
})

const round = async (order: ReadonlyArray<Measurement>) => {
  for (const scenario of scenarios) {
    for (const { contender, samples } of order) {
      await scenario(contender, samples)
      await rest()
    }
  }
}

const results = ({ contender, build, samples, memory }: Measurement): Results => ({
  samples,
  gzipKiB: gzipKiB(build),
  mibPerSession: ((usage(contender.server)?.rssMiB ?? Number.NaN) - memory) / (sessionsPerRound * rounds)
})

const bench = async () => {
  say("building both Workers ...")
  const builds = { hand: buildHand(), ownloop: buildOwnloop(join(folder, "ownloop")) }
  const model = await open("model.ts")
  const apiKey = randomBytes(16).toString("hex")
  const vars = {
    OWNLOOP_MODEL: "local/unused",
    OPENAI_BASE_URL: `${model.url}/v1`,
    OWNLOOP_API_KEY: apiKey,
    OWNLOOP_MAX_STEPS: "2000"
  }
  const handServer = await open("serve.ts", { contender: "hand", build: builds.hand, folder, vars: {} })
  const ownloopServer = await open("serve.ts", { contender: "ownloop", build: builds.ownloop, folder, vars })
  const contenders = [
    measure(hand(handServer, model), builds.hand),
    measure(await ownloop(ownloopServer, model, apiKey), builds.ownloop)
  ] as const

  say(`warming up, then ${rounds} rounds ...`)
  for (let count = 0; count < warmUpRounds; count++) await round(contenders)
  for (const contender of contenders) {
    contender.samples = new Samples()
    contender.memory = usage(contender.contender.server)?.rssMiB ?? Number.NaN
  }
  for (let count = 0; count < rounds; count++) await round(count % 2 === 0 ? contenders : contenders.toReversed())
  // Before the long session, which is no share of any other's memory.
  const measured = contenders.map(results)
  for (let count = 0; options.quick !== true && count < 3; count++) {
    for (const { contender, samples } of contenders) await long(contender, samples)
  }
  return rows(measured[0]!, measured[1]!)
}

try {
  const measured = await bench()
  console.log(
    `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores, ${rounds} rounds\n`
  )
  console.log(table(measured))
  const over = measured.filter((row) => row.over === true)
  for (const { what, ratio, ownloop, limit } of over)
    console.log(`\nOVER: ${what}: ${ratio || ownloop}, limit ${limit}`)
  if (over.length === 0) console.log("\nEvery limit is kept.")
  if (options.check === true && over.length > 0) process.exitCode = 1
} finally {
  await Promise.all(servers.map(stop))
}
