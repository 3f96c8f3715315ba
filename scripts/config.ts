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
  durable_objects: { bindings: Array<{ name: string; class_name: string }> }
  migrations: Array<{ tag: string; new_sqlite_classes: Array<string> }>
  containers?: Array<{ class_name: string; image: string }>
  base_dir?: string
  find_additional_modules?: boolean
  dev?: Partial<Unstable_Config["dev"]>
  [key: string]: unknown
}

/**
 * The production configuration, less what no machine without an account can run, the `ai` binding, which makes `wrangler dev` ask for a login,
 * and less rate limits, which have nobody to keep out here. The local start and the tests run on it, so `wrangler.jsonc` stays the only truth. Machines are left out
 * where no container engine is asked for; the sandbox SDK then is in the Worker's own bundle.
 */
export const localConfig = (
  overrides: {
    readonly main?: string
    readonly vars?: Record<string, string>
    /** Parts of the configuration that a test's own Worker does not need. */
    readonly without?: ReadonlyArray<"build" | "assets">
    readonly rateLimits?: boolean
    /** Keeps the machines, of the image of this Dockerfile where one is given. */
    readonly machines?: { readonly image?: string }
  } = {}
): WorkerConfig => {
  const { ai: _, ...production } = parse(readFileSync(`${root}wrangler.jsonc`, "utf8")) as WorkerConfig
  const machined = overrides.machines === undefined ? withoutMachines(production) : withMachines(production, overrides)
  const { ratelimits, ...config } = machined
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

/** A container needs its engine, and a Durable Object with one cannot live without it. */
const withoutMachines = (production: WorkerConfig) => {
  const { containers, base_dir: _base, find_additional_modules: _find, ...config } = production
  const isMachine = (name: string) => containers?.some(({ class_name }) => class_name === name) ?? false
  return {
    ...config,
    durable_objects: { bindings: config.durable_objects.bindings.filter(({ class_name }) => !isMachine(class_name)) },
    migrations: config.migrations.map((migration) => ({
      ...migration,
      new_sqlite_classes: migration.new_sqlite_classes.filter((name) => !isMachine(name))
    }))
  } as WorkerConfig
}

const withMachines = (
  { containers, base_dir, find_additional_modules, ...config }: WorkerConfig,
  { main, machines }: { readonly main?: string; readonly machines?: { readonly image?: string } }
) =>
  ({
    ...config,
    ...(containers && {
      containers: containers.map((container) => ({
        ...container,
        image: machines?.image ?? `${root}${container.image}`
      }))
    }),
    // A test's own Worker lies elsewhere, and bundles the SDK.
    ...(main === undefined && base_dir && { base_dir: `${root}${base_dir}`, find_additional_modules })
  }) as WorkerConfig
