import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { StartError } from "./brain.ts"
import { explain } from "./explain.ts"
import { isServing, startWorker } from "./server.ts"
import { type Outcome, runTask } from "./session.ts"

const usage = `usage: npm run task -- [--schema file.json] "what the agent should do"

  --schema   a JSON Schema that the answer has to fit: it is printed as JSON, and everything else on the standard error.
             npm prints a line of its own before it; npm run --silent task does not`

const read = () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { schema: { type: "string" }, help: { type: "boolean", short: "h" } }
  })
  return { task: positionals.join(" ").trim(), ...values }
}

/** The answer's schema; the Worker says what is wrong with it. */
const readSchema = (file: string): object => {
  try {
    return JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    throw new StartError(`--schema ${file} cannot be read: ${String(error)}`)
  }
}

const run = async (): Promise<number> => {
  const { help, schema: file, task } = read()
  if (task === "" || help === true) {
    console.error(usage)
    return 2
  }
  const schema = file === undefined ? undefined : readSchema(file)
  const worker = (await isServing()) ? null : await startWorker()
  if (worker !== null) console.error(worker.brain.found)
  const { problem, output } = await runTask(task, schema).catch((error: unknown): Outcome => ({
    problem: String(error)
  }))
  if (problem !== null) console.error(`stopped: ${problem}`)
  else if (schema !== undefined) console.log(JSON.stringify(output, null, 2))
  await worker?.stop()
  return problem === null ? 0 : 1
}

process.exitCode = await run().catch(explain)
