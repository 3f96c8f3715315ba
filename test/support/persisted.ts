import type { Worker } from "./worker.ts"

/** Everything that a Worker has stored and said by now, as text: the database, each session's own, the buckets, the logs. */
export const persisted = async ({ logs, worker }: Worker, sessions: ReadonlyArray<string>): Promise<string> => {
  const env = (await worker.getEnv()) as Pick<Env, "CATALOG" | "SECRETS" | "BLOBS"> // The bindings of wrangler.jsonc.
  const parts: Array<string> = [logs()]
  const tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'"
  for (const { name } of (await env.CATALOG.prepare(tables).all<{ name: string }>()).results) {
    for (const row of (await env.CATALOG.prepare(`SELECT * FROM "${name}"`).all()).results) parts.push(text(row))
  }
  for (const name of sessions) {
    const storage = await worker.getDurableObjectStorage("SESSIONS", { name })
    for (const table of await storage.exec(tables)) {
      for (const row of await storage.exec(`SELECT * FROM "${table["name"] as string}"`)) parts.push(text(row))
    }
  }
  for (const { name } of (await env.SECRETS.list()).keys) parts.push(name, (await env.SECRETS.get(name)) ?? "")
  for (const { key } of (await env.BLOBS.list()).objects)
    parts.push(key, (await (await env.BLOBS.get(key))?.text()) ?? "")
  return parts.join("\n")
}

/** Bytes as they are, so that what they hold is found. */
const text = (row: unknown) =>
  Object.values(row as object)
    .map((value: unknown) =>
      value instanceof ArrayBuffer || value instanceof Uint8Array
        ? Buffer.from(value as Uint8Array).toString("latin1")
        : Array.isArray(value) && typeof value[0] === "number"
          ? Buffer.from(value as Array<number>).toString("latin1")
          : String(value)
    )
    .join("|")
