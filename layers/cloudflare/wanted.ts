/** A part of `wrangler.jsonc`. */
export interface Setting {
  readonly path: ReadonlyArray<string>
  /** What is set there. Where there is a `key`, it is one entry of a list, which is there if one with the same value of that field is. */
  readonly value: unknown
  readonly key?: string
}

/** What a Worker is configured with: what each binding is for, and how `wrangler.jsonc` says it. */
export interface Wanted {
  readonly name: string
  readonly purpose: string
  /** Without it nothing is answered. */
  readonly isRequired: boolean
  readonly settings: ReadonlyArray<Setting>
}

const entry = (path: string, key: string, value: object): Setting => ({ path: path.split("."), key, value })

export const wanted: ReadonlyArray<Wanted> = [
  {
    name: "SESSIONS",
    purpose: "the Durable Objects that sessions live in, one each",
    isRequired: true,
    settings: [
      entry("durable_objects.bindings", "name", { name: "SESSIONS", class_name: "AgentSession" }),
      entry("migrations", "new_sqlite_classes", { tag: "ownloop-v1", new_sqlite_classes: ["AgentSession"] })
    ]
  },
  {
    name: "CATALOG",
    purpose: "the D1 database of agents, environments, policies, credentials, tasks and the egress audit",
    isRequired: true,
    settings: [
      entry("d1_databases", "binding", {
        binding: "CATALOG",
        database_name: "ownloop",
        migrations_dir: "node_modules/ownloop/migrations"
      })
    ]
  },
  {
    name: "BLOBS",
    purpose: "the R2 bucket of long tool results, and of files that tasks leave behind",
    isRequired: true,
    settings: [entry("r2_buckets", "binding", { binding: "BLOBS", bucket_name: "ownloop-blobs" })]
  },
  {
    name: "LOADER",
    purpose: "the Dynamic Workers that sessions' shells and code run in",
    isRequired: true,
    settings: [entry("worker_loaders", "binding", { binding: "LOADER" })]
  },
  {
    name: "TASKS",
    purpose: "the queue of tasks",
    isRequired: true,
    settings: [
      entry("queues.producers", "binding", { binding: "TASKS", queue: "ownloop-tasks" }),
      entry("queues.consumers", "queue", {
        queue: "ownloop-tasks",
        max_batch_size: 50,
        max_batch_timeout: 1,
        max_retries: 10,
        retry_delay: 30,
        max_concurrency: 10,
        dead_letter_queue: "ownloop-tasks-dead"
      })
    ]
  },
  {
    name: "DEAD_LETTERS",
    purpose: "the queue of messages that could not become tasks",
    isRequired: true,
    settings: [
      entry("queues.producers", "binding", { binding: "DEAD_LETTERS", queue: "ownloop-tasks-dead" }),
      entry("queues.consumers", "queue", {
        queue: "ownloop-tasks-dead",
        max_batch_size: 50,
        max_batch_timeout: 5,
        max_retries: 100,
        retry_delay: 60
      })
    ]
  },
  {
    name: "AI",
    purpose: "Workers AI, the default brain",
    isRequired: false,
    settings: [{ path: ["ai"], value: { binding: "AI" } }]
  },
  {
    name: "RATE_LIMIT_REQUESTS",
    purpose: "how often one caller may ask",
    isRequired: false,
    settings: [
      entry("ratelimits", "name", {
        name: "RATE_LIMIT_REQUESTS",
        namespace_id: "1860871",
        simple: { limit: 200, period: 10 }
      })
    ]
  },
  {
    name: "RATE_LIMIT_STRANGERS",
    purpose: "how often one address without a known key may ask",
    isRequired: false,
    settings: [
      entry("ratelimits", "name", {
        name: "RATE_LIMIT_STRANGERS",
        namespace_id: "1860872",
        simple: { limit: 20, period: 10 }
      })
    ]
  }
]

/** The clock that `scheduled` is called by. */
export const crons: ReadonlyArray<string> = ["* * * * *", "17 3 * * *"]

/** The least that the code asks of the runtime. */
export const compatibility = { date: "2026-11-01", flags: ["nodejs_compat"] } as const
