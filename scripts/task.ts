import { explain } from "./explain.ts"
import { isServing, startWorker } from "./server.ts"
import { runTask } from "./session.ts"

const task = process.argv.slice(2).join(" ").trim()
if (task === "" || task === "--help" || task === "-h") {
  console.error('usage: npm run task -- "what the agent should do"')
  process.exit(2)
}
const worker = (await isServing()) ? null : await startWorker().catch(explain)
if (worker !== null) console.log(worker.brain.found)
const problem = await runTask(task).catch((error: unknown) => String(error))
if (problem !== null) console.error(`stopped: ${problem}`)
await worker?.stop()
process.exitCode = problem === null ? 0 : 1
