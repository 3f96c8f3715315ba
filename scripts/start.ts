import { parseArgs } from "node:util"
import { explain } from "./explain.ts"
import { install } from "./localModel/llama.ts"
import { startLocalModel } from "./localModel/start.ts"
import { apiKey, baseUrl, isServing, startWorker } from "./server.ts"
import { runTask } from "./session.ts"

const usage = `usage: npm start -- [--local-model file.gguf]

Serves at ${baseUrl} (OWNLOOP_PORT sets another port), after a sample task. The model is a server that OPENAI_BASE_URL names, else one that
runs on this machine, else demo.

  --local-model   a model file that is served beside the Worker, as the provider local. It needs node-llama-cpp, once:
                  ${install}`

const sample = "write a file numbers.txt with the numbers 1 to 10, run a script over it and read the result"

const serve = async (file: string | undefined): Promise<number> => {
  if (await isServing()) {
    console.error(`Ownloop is already serving at ${baseUrl}. Give it work: npm run task -- "..."`)
    return 1
  }
  if (process.env["ANTHROPIC_API_KEY"] !== undefined) {
    console.log("ANTHROPIC_API_KEY is set in this shell. Ownloop refuses such keys and does not pass it on.")
  }
  const model = file === undefined ? undefined : await startLocalModel(file)
  if (model !== undefined) {
    console.log(model.found)
    Object.assign(process.env, model.settings)
  }
  const worker = await startWorker()
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
  const code = await worker.ended
  await model?.stop()
  return code
}

const run = (): Promise<number> => {
  const { values } = parseArgs({
    options: { "local-model": { type: "string" }, help: { type: "boolean", short: "h" } }
  })
  if (values.help !== true) return serve(values["local-model"])
  console.log(usage)
  return Promise.resolve(0)
}

process.exitCode = await Promise.resolve().then(run).catch(explain)
