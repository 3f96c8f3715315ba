import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Option } from "effect"
import { findAnthropicKey } from "../src/domain/AnthropicKey.ts"
import * as ProviderSettings from "../src/model/ProviderSettings.ts"
import { type Brain, findBrain, StartError } from "./brain.ts"
import { localConfig, root } from "./config.ts"
import { findMachines, type Machines } from "./machines.ts"
import { namedProviders } from "./providers.ts"

const windows = process.platform === "win32"

/** Everything the local start keeps; deleting the folder starts over. */
const home = join(process.env["OWNLOOP_HOME"] ?? `${root}.ownloop`, "/")
const port = Number(process.env["OWNLOOP_PORT"] ?? 8787)
export const baseUrl = `http://127.0.0.1:${port}`

/** What a file of the local start holds: made once and kept, readable by its owner alone. */
const kept = (name: string, make: () => string): string => {
  const file = `${home}${name}`
  mkdirSync(home, { recursive: true })
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o600 })
  return readFileSync(file, "utf8")
}

export const apiKey = (): string => kept("api-key", () => `ol_${randomBytes(24).toString("base64url")}`)

const newRootKey = () => `k${Date.now().toString(36)}:${randomBytes(32).toString("base64")}`

/** What the local Worker's secrets are encrypted under. Without it they are lost. */
const rootKey = (): string => kept("root-key", newRootKey)

/** Puts a new root key before those that there are. */
export const addRootKey = (): void => {
  const before = rootKey()
  writeFileSync(`${home}root-key.new`, `${newRootKey()},${before}`, { mode: 0o600 })
  renameSync(`${home}root-key.new`, `${home}root-key`)
}

/** What answers at the port: a Worker that knows the key, one that says why it is closed, something else, or nothing. */
const probe = async (): Promise<{ readonly status: number; readonly message: string } | null> => {
  try {
    const response = await fetch(`${baseUrl}/v1/agents?limit=1`, {
      headers: { authorization: `Bearer ${apiKey()}` },
      signal: AbortSignal.timeout(2_000)
    })
    const body = (await response.json()) as { error?: { message?: string } }
    return { status: response.status, message: body.error?.message ?? "" }
  } catch {
    return null
  }
}

/** Whether a Worker of this checkout answers. */
export const isServing = async (): Promise<boolean> => (await probe())?.status === 200

export interface LocalWorker {
  readonly brain: Brain
  readonly machines: Machines
  readonly stop: () => Promise<void>
  /** Settles with an exit code when the server ends for good. */
  readonly ended: Promise<number>
}

/** Settings of the README's table that a shell may set, and those of them that are secrets. */
const settings = [
  "OWNLOOP_MAX_STEPS",
  "OWNLOOP_SANDBOX_SLEEP_AFTER",
  "OWNLOOP_SANDBOX_RESTORE_TIMEOUT",
  "OWNLOOP_MAX_RESCHEDULES",
  "OWNLOOP_CONTEXT_WINDOW",
  "OWNLOOP_MODEL_FIRST_BYTE_TIMEOUT",
  "OWNLOOP_MODEL_CHUNK_TIMEOUT",
  "OWNLOOP_PROVIDERS",
  "CLOUDFLARE_ACCOUNT_ID",
  "CF_ACCESS_TEAM_DOMAIN",
  "CF_ACCESS_AUD",
  "CF_ACCESS_SCOPE",
  "CORS_ORIGINS"
]
const secrets = ["OPENAI_API_KEY", "EGRESS_HEADERS", "CLOUDFLARE_API_TOKEN"]

const given = (names: ReadonlyArray<string>) =>
  Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))

/** Writes the configuration that the local Worker runs on; secrets go to a file of their own, beside it. */
const configure = (brain: Brain, machines: Machines, providerSecrets: ReadonlyArray<string>): string => {
  const own = { OWNLOOP_API_KEY: apiKey(), OWNLOOP_ROOT_KEY: rootKey() }
  const all: Record<string, string> = { ...given([...secrets, ...providerSecrets]), ...own }
  const refused = Option.getOrUndefined(findAnthropicKey(all))
  if (refused !== undefined) throw new StartError(refused.message)
  const config = localConfig({
    vars: {
      OWNLOOP_MODEL: brain.model,
      ...(brain.baseUrl === undefined ? {} : { OPENAI_BASE_URL: brain.baseUrl }),
      ...given(settings)
    },
    ...(machines.areThere ? { machines: {} } : {})
  })
  writeFileSync(`${home}wrangler.json`, JSON.stringify(config, null, 2))
  const lines = Object.entries(all).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  writeFileSync(`${home}.dev.vars`, `${lines.join("\n")}\n`, { mode: 0o600 })
  return `${home}wrangler.json`
}

const { ANTHROPIC_API_KEY: _refused, ...passed } = process.env
const wranglerEnv = {
  ...passed,
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  // Without it one expression such as /(a+)+$/ in agent code blocks the whole runtime.
  MINIFLARE_WORKERD_V8_FLAGS: "--enable-experimental-regexp-engine-on-excessive-backtracks",
  WRANGLER_SEND_METRICS: "false",
  CI: "1"
}

/** Boots the Worker on this machine and answers once it serves. */
export const startWorker = async (): Promise<LocalWorker> => {
  if (!(port > 0 && port < 65_536)) throw new StartError("OWNLOOP_PORT must be a port, from 1 to 65535")
  const providers = namedProviders(process.env)
  const names = providers.map(({ name }) => name)
  const brain = await findBrain(process.env, names)
  const machines = findMachines(process.env)
  if (await isTaken()) throw new StartError(`port ${port} is taken by another program: set OWNLOOP_PORT to a free one`)
  const state = [
    "--config",
    configure(brain, machines, ProviderSettings.secretNames(process.env[ProviderSettings.variable])),
    "--persist-to",
    `${home}state`
  ]
  const migrations = spawnSync("wrangler", ["d1", "migrations", "apply", "CATALOG", "--local", ...state], {
    env: wranglerEnv,
    encoding: "utf8",
    shell: windows
  })
  if (migrations.status !== 0) {
    throw new Error(`the catalog could not be migrated:\n${migrations.stdout}${migrations.stderr}`)
  }

  const address = ["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"]
  const supervised = supervise(() =>
    spawnTree("wrangler", ["dev", "--local", ...state, ...address, "--log-level", "warn"])
  )
  while (supervised.isRunning()) {
    const answer = await probe()
    if (answer?.status === 200) return { brain, machines, ...supervised }
    if (answer?.status === 503) {
      await supervised.stop()
      throw new StartError(answer.message)
    }
    await sleep(100)
  }
  throw new Error(`the Worker did not start on port ${port}:\n${supervised.output()}`)
}

const isTaken = () =>
  new Promise<boolean>((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(true))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(false)))
  })

/** A process with all that it starts, which can so be ended with it. */
const spawnTree = (command: string, args: ReadonlyArray<string>) =>
  spawn(command, args, { env: wranglerEnv, stdio: ["ignore", "pipe", "pipe"], detached: !windows, shell: windows })

const endTree = ({ pid }: ChildProcess, signal: NodeJS.Signals) => {
  if (pid === undefined) return
  if (windows) spawnSync("taskkill", ["/pid", String(pid), "/T", "/F"])
  else process.kill(-pid, signal)
}

/** Milliseconds without an answer after which the runtime counts as hung. */
const patience = 20_000

/**
 * Keeps the server running. Here, unlike on Cloudflare, nothing limits the CPU time of code: should agent code get past the sandbox's own
 * guard and block the runtime, it is killed and started again, and its sessions go on from their logs.
 */
const supervise = (start: () => ChildProcess) => {
  const exit = Promise.withResolvers<number>()
  let output = ""
  let serving = false
  let stopping = false
  let restarting = false
  let child: ChildProcess

  const run = () => {
    child = start()
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (data: Buffer) => {
        output = (output + data.toString()).slice(-20_000)
        if (serving) process.stderr.write(data)
      })
    }
    child.on("exit", (code) => {
      if (!restarting || stopping) return exit.resolve(stopping ? 0 : (code ?? 1))
      restarting = false
      run()
    })
  }

  let silentSince: number | null = null
  const watch = setInterval(() => {
    void isServing().then((answers) => {
      serving ||= answers
      silentSince = answers || !serving ? null : (silentSince ?? Date.now())
      if (stopping || silentSince === null || Date.now() - silentSince < patience) return
      silentSince = null
      console.error(`the runtime has not answered for ${patience / 1000} s: starting it again`)
      restarting = true
      endTree(child, "SIGKILL")
    })
  }, 2_000)

  const stop = async () => {
    stopping = true
    endTree(child, "SIGTERM")
    await exit.promise
  }

  run()
  void exit.promise.then(() => clearInterval(watch))
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop())
  return {
    ended: exit.promise,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    output: () => output,
    stop
  }
}
