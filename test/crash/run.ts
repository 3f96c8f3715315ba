import { execFileSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { open, type Outcome } from "./matrix.ts"

// Kills the runtime at every point that a session comes to. `--only <text>` takes the points that hold the text.

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } })

const row = ({ point, events, resumedAfter, effects, problems }: Outcome) =>
  [
    point.padEnd(44),
    String(events).padStart(6),
    (resumedAfter === null ? "waits" : String(Math.round(resumedAfter))).padStart(10),
    problems.length === 0 ? "ok" : `WRONG: ${problems.join("; ")}`,
    effects
  ].join("  ")

for (const part of ["shell", "sandbox"]) execFileSync("node", [`scripts/build-${part}.ts`], { stdio: "inherit" })
const matrix = await open()
// Each point has a runtime of its own, so that its times are its own too.
const points = matrix.points.filter((point) => point.includes(values.only))
if (points.length === 0) {
  await matrix.close()
  throw new Error(`no point holds ${JSON.stringify(values.only)}`)
}
const outcomes: Array<Outcome> = []
const queue = points.values()
const lane = async () => {
  for (const point of queue) {
    const failed = (error: unknown): Outcome => ({
      point,
      events: Number.NaN,
      resumedAfter: null,
      effects: "",
      system: "",
      problems: [String(error)]
    })
    const [outcome] = await matrix.crash([point]).catch((error: unknown) => [failed(error)])
    outcomes.push(outcome!)
    console.log(row(outcome!))
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void matrix.close().finally(() => process.exit(1)))
}
try {
  console.log(`${"killed at".padEnd(44)}  events  resumed ms  then; calls that took effect (? where it is not known)`)
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, lane))
  const resumed = outcomes.flatMap(({ resumedAfter }) => resumedAfter ?? []).sort((a, b) => a - b)
  const wrong = outcomes.filter(({ problems }) => problems.length > 0)
  const times = `the median went on after ${Math.round(resumed[resumed.length >> 1] ?? 0)} ms, the slowest after ${Math.round(resumed.at(-1) ?? 0)} ms`
  console.log(`\n${outcomes.length} points, ${wrong.length} wrong; with no client, ${times}`)
  if (wrong.length > 0) process.exitCode = 1
} finally {
  await matrix.close()
}
