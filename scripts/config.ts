import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "jsonc-parser"
import type { Unstable_Config } from "wrangler"

export const root = join(import.meta.dirname, "..", "/")

/** What this module reads and changes of a wrangler configuration; the rest passes through. */
export interface WorkerConfig {
  name: string
  main: string
  compatibility_date: string
  vars: Record<string, string>
  d1_databases: Array<{ binding: string; database_name: string; database_id?: string; migrations_dir: string }>
  assets?: { directory: string }
  build?: { command: string }
  kv_namespaces: Array<{ binding: string; id?: string }>
  dev?: Partial<Unstable_Config["dev"]>
  [key: string]: unknown
}

/**
 * The production configuration, less what no machine without an account can run, the `ai` binding, which makes `wrangler dev` ask for a login,
 * and less rate limits, which have nobody to keep out here. The local start and the tests run on it, so `wrangler.jsonc` stays the only truth.
 */
export const localConfig = (
  overrides: {
    readonly main?: string
    readonly vars?: Record<string, string>
    /** Parts of the configuration that a test's own Worker does not need. */
    readonly without?: ReadonlyArray<"build" | "assets">
    readonly rateLimits?: boolean
  } = {}
): WorkerConfig => {
  const { ai: _, ratelimits, ...config } = parse(readFileSync(`${root}wrangler.jsonc`, "utf8")) as WorkerConfig
  for (const part of overrides.without ?? []) delete config[part]
  return {
    ...config,
    ...(overrides.rateLimits === true ? { ratelimits } : {}),
    // Absolute, since the local start keeps its configuration in a folder of its own.
    main: `${root}${overrides.main ?? config.main}`,
    ...(config.assets === undefined
      ? {}
      : { assets: { ...config.assets, directory: `${root}${config.assets.directory}` } }),
    vars: { ...overrides.vars },
    d1_databases: config.d1_databases.map((database) => ({
      ...database,
      database_id: "local",
      migrations_dir: `${root}${database.migrations_dir}`
    })),
    kv_namespaces: config.kv_namespaces.map((namespace) => ({ ...namespace, id: "local" }))
  }
}
