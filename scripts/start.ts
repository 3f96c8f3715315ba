import { explain } from "./explain.ts"
import { apiKey, baseUrl, isServing, startWorker } from "./server.ts"
import { runTask } from "./session.ts"

const sample = "write a file numbers.txt with the numbers 1 to 10, run a script over it and read the result"

if (await isServing()) {
  console.error(`Ownloop is already serving at ${baseUrl}. Give it work: npm run task -- "..."`)
  process.exit(1)
}
if (process.env["ANTHROPIC_API_KEY"] !== undefined) {
  console.log("ANTHROPIC_API_KEY is set in this shell. Ownloop refuses such keys and does not pass it on.")
}
const worker = await startWorker().catch(explain)
console.log(`Ownloop serves at ${baseUrl}`)
console.log(worker.brain.found)
console.log(worker.machines.found)
console.log("\nA sample task:\n")
const { problem } = await runTask(sample).catch((error: unknown) => ({ problem: String(error) }))
if (problem !== null) console.error(`\nthe sample task stopped: ${problem}`)
console.log(`
Still serving. Try, in another terminal:
  npm run task -- "write a haiku about queues to haiku.txt"
Or point an SDK of the Managed Agents API here:
  baseURL ${baseUrl}   authToken ${apiKey()}
Ctrl-C stops it.`)
process.exitCode = await worker.ended
