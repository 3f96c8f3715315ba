import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { type Brain, findBrain } from "./brain.ts"
import { localConfig, root } from "./config.ts"

/** Everything the local start keeps; deleting the folder starts over. */
const home = `${root}.ownloop/`
const port = Number(process.env["OWNLOOP_PORT"] ?? 8787)
export const baseUrl = `http://127.0.0.1:${port}`

/** The local API key: made once and kept, readable by its owner alone. */
export const apiKey = (): string => {
  const file = `${home}api-key`
  mkdirSync(home, { recursive: true })
  if (!existsSync(file)) writeFileSync(file, `ol_${randomBytes(24).toString("base64url")}`, { mode: 0o600 })
  return readFileSync(file, "utf8")
}

/** Whether a Worker of this checkout answers: it knows the key. */
export const isServing = async (): Promise<boolean> => {
  try {
    const response = await fetch(`${baseUrl}/v1/agents?limit=1`, {
      headers: { authorization: `Bearer ${apiKey()}` },
      signal: AbortSignal.timeout(2_000)
    })
    return response.ok
  } catch {
    return false
  }
}

export interface LocalWorker {
  readonly brain: Brain
  readonly stop: () => Promise<void>
  /** Settles when the server ends by itself. */
  readonly ended: Promise<number>
}

const quote = (value: string) => JSON.stringify(value)

/** Writes the configuration that the local Worker runs on; secrets go to a file of their own, beside it. */
const configure = (brain: Brain): string => {
  const { OPENAI_API_KEY, EGRESS_HEADERS } = process.env
  const secrets = {
    OWNLOOP_API_KEY: apiKey(),
    ...(OPENAI_API_KEY === undefined ? {} : { OPENAI_API_KEY }),
    ...(EGRESS_HEADERS === undefined ? {} : { EGRESS_HEADERS })
  }
  const config = localConfig({
    vars: { OWNLOOP_MODEL: brain.model, ...(brain.baseUrl === undefined ? {} : { OPENAI_BASE_URL: brain.baseUrl }) }
  })
  writeFileSync(`${home}wrangler.json`, JSON.stringify(config, null, 2))
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${quote(value)}`)
  writeFileSync(`${home}.dev.vars`, `${lines.join("\n")}\n`, { mode: 0o600 })
  return `${home}wrangler.json`
}

const wranglerEnv = { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false", CI: "1" }

/** Boots the Worker on this machine and answers once it serves. */
export const startWorker = async (): Promise<LocalWorker> => {
  const brain = await findBrain(process.env)
  const config = configure(brain)
  const state = ["--config", config, "--persist-to", `${home}state`]
  const migrations = spawnSync("wrangler", ["d1", "migrations", "apply", "CATALOG", "--local", ...state], {
    env: wranglerEnv,
    encoding: "utf8"
  })
  if (migrations.status !== 0)
    throw new Error(`the catalog could not be migrated:\n${migrations.stdout}${migrations.stderr}`)

  const child = spawn(
    "wrangler",
    [
      "dev",
      "--local",
      ...state,
      "--ip",
      "127.0.0.1",
      "--port",
      String(port),
      "--inspector-port",
      "0",
      "--log-level",
      "warn"
    ],
    { env: wranglerEnv, stdio: ["ignore", "pipe", "pipe"] }
  )
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output = (output + data.toString()).slice(-20_000)
    })
  }
  const ended = new Promise<number>((resolve) => child.on("exit", (code) => resolve(code ?? 1)))
  while (child.exitCode === null && !(await isServing())) await sleep(100)
  if (child.exitCode !== null) throw new Error(`the Worker did not start on port ${port}:\n${output}`)
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => process.stderr.write(data))
  const watch = watchdog(child)
  return {
    brain,
    ended,
    stop: async () => {
      clearInterval(watch)
      child.kill("SIGTERM")
      await ended
    }
  }
}

/** The processes below one, by the system's process table. */
const descendants = (pid: number): ReadonlyArray<{ readonly pid: number; readonly command: string }> => {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([child, parent, command]) => ({ pid: Number(child), parent: Number(parent), command: command ?? "" }))
  const below = (parent: number): ReturnType<typeof descendants> =>
    table.filter((process) => process.parent === parent).flatMap((process) => [process, ...below(process.pid)])
  return below(pid)
}

/**
 * Here, unlike on Cloudflare, nothing limits the CPU time of code: should agent code ever get past the sandbox's own guard and block the
 * runtime, it is killed. Wrangler starts it again, and sessions go on from their logs.
 */
const watchdog = (child: ChildProcess): NodeJS.Timeout => {
  let silentSince: number | null = null
  return setInterval(async () => {
    if (await isServing()) silentSince = null
    else silentSince ??= Date.now()
    if (silentSince === null || Date.now() - silentSince < 20_000 || child.pid === undefined) return
    console.error("the runtime has not answered for 20 s: killing it; it will be started again")
    for (const { pid, command } of descendants(child.pid)) if (command.includes("workerd")) process.kill(pid, "SIGKILL")
    silentSince = null
  }, 5_000)
}
