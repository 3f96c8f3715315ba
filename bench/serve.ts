import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler"
import { localConfig, root, type WorkerConfig } from "../scripts/config.ts"
import type { Build } from "./build.ts"

// Serves one contender, in a process of its own. Miniflare and not `wrangler dev` or its test harness: those pass every request, and the
// harness every request to the model too, through Node, which costs more than what is measured here.

export interface Serve {
  readonly contender: "hand" | "ownloop"
  readonly build: Build
  /** Where what it keeps may be. */
  readonly folder: string
  readonly vars: Readonly<Record<string, string>>
}

const handConfig = (config: WorkerConfig): WorkerConfig => ({
  name: "hand",
  main: "worker.js",
  compatibility_date: config.compatibility_date,
  vars: {},
  durable_objects: { bindings: [{ name: "SESSIONS", class_name: "HandSession" }] },
  migrations: [{ tag: "v1", new_sqlite_classes: ["HandSession"] }],
  d1_databases: [],
  kv_namespaces: []
})

const serve = async ({ contender, build, folder, vars }: Serve) => {
  const product = localConfig({ vars: { ...vars }, without: ["build", "assets"] })
  const config = contender === "hand" ? handConfig(product) : { ...product, main: "worker.js" }
  const path = join(folder, `${contender}.json`)
  writeFileSync(path, JSON.stringify(config))
  const { workerOptions } = unstable_getMiniflareWorkerOptions(path)
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      workers: [
        {
          ...workerOptions,
          name: config.name,
          rootPath: folder,
          modules: build.map(({ name, type, contents }) => ({ path: name, type, contents }))
        }
      ]
    })
  )
  const url = await miniflare.ready
  for (const { binding, migrations_dir } of config.d1_databases) {
    const database = await miniflare.getD1Database(binding)
    const migrations = resolve(root, migrations_dir)
    for (const file of readdirSync(migrations).sort()) {
      const statements = unstable_splitSqlQuery(readFileSync(join(migrations, file), "utf8"))
      await database.batch(statements.map((statement) => database.prepare(statement)))
    }
  }
  process.once("disconnect", () => void miniflare.dispose().then(() => process.exit()))
  process.send!({ url: url.origin })
}

process.once("message", (message: Serve) => void serve(message))
