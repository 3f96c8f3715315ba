import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { extname, join } from "node:path"
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler"
import { localConfig, root, type WorkerConfig } from "../../scripts/config.ts"
import type { Serve } from "./serve.ts"

/** Two modules in the place of the product's: one that can be stopped at every append, and tools that count. */
const sessions = {
  "./storage/SessionLogSqlite.ts": join(import.meta.dirname, "SessionLogSqlite.ts"),
  "../../src/tools/custom-tools.ts": join(import.meta.dirname, "tools.ts")
}

/** The same, and a store of tasks that can be stopped at every step. */
export const tasks = { ...sessions, "./storage/TasksD1.ts": join(import.meta.dirname, "TasksD1.ts") }

interface Module {
  readonly path: string
  readonly type: "ESModule" | "Text"
  readonly contents: string
}

interface Built extends Pick<Serve, "statements"> {
  /** Its main module comes first. */
  readonly worker: Serve["worker"] & { readonly modules: ReadonlyArray<Module> }
}

/** Builds the product's own Worker, in a folder of its own, with these variables, and modules in the place of its own. */
export const build = (
  folder: string,
  vars: Record<string, string>,
  alias: Readonly<Record<string, string>> = sessions
): Built => {
  const config = localConfig({ vars, without: ["build", "assets"] })
  const path = join(folder, "wrangler.json")
  writeFileSync(path, JSON.stringify({ ...config, alias }))
  const output = join(folder, "build")
  const { status, stdout, stderr } = spawnSync(
    "wrangler",
    ["deploy", "--dry-run", "--config", path, "--outdir", output],
    { cwd: root, env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" }, encoding: "utf8" }
  )
  if (status !== 0) throw new Error(`the Worker could not be built:\n${stdout}${stderr}`)
  const modules = readdirSync(output)
    .filter((name) => [".js", ".txt"].includes(extname(name)))
    .sort((name) => (name === "worker.js" ? -1 : 1))
    .map((name) => ({
      path: name,
      type: extname(name) === ".js" ? ("ESModule" as const) : ("Text" as const),
      contents: readFileSync(join(output, name), "utf8")
    }))
  const { workerOptions } = unstable_getMiniflareWorkerOptions(path)
  return {
    worker: { ...workerOptions, name: config.name, rootPath: output, modules },
    statements: Object.fromEntries(config.d1_databases.map((database) => [database.binding, migrations(database)]))
  }
}

const migrations = ({ migrations_dir }: WorkerConfig["d1_databases"][number]) =>
  readdirSync(migrations_dir)
    .sort()
    .flatMap((file) => unstable_splitSqlQuery(readFileSync(join(migrations_dir, file), "utf8")))
