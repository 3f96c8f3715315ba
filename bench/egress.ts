import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Result } from "effect"
import { unstable_splitSqlQuery, unstable_startWorker } from "wrangler"
import { localConfig, root } from "../scripts/config.ts"
import { decide } from "../src/egress/decide.ts"
import { compilePolicy } from "../src/egress/policy.ts"
import { policyOf } from "./egressPolicy.ts"
import { digits, p50, percentile } from "./report.ts"

// What the egress gateway costs with 100 rules: deciding alone, and a whole request of a session's object.

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, check: { type: "boolean" } } })
const rounds = options.quick === true ? 50 : 300

const decideMicros = () => {
  const boundary = { environment: [Result.getOrThrow(compilePolicy(policyOf(8080)))], agent: [] }
  const requests = ["/data/99/x", "/data/1/x", "/none", "/data/99/%2e%2e%2fx"].map((path) => ({
    method: "GET",
    url: new URL(`http://127.0.0.1:8080${path}`)
  }))
  const batch = 1_000
  return Array.from({ length: 300 }, () => {
    const began = performance.now()
    for (let index = 0; index < batch; index++) decide(boundary, requests[index % requests.length]!)
    return ((performance.now() - began) / batch) * 1_000
  }).slice(50)
}

type Way = "Straight" | "InMemory" | "Whole"

/** Milliseconds that an upstream takes: one on this machine, and one that is as far as most are. */
const delays = { near: 0, far: 20 } as const
type Upstream = keyof typeof delays
type Millis = Record<Upstream, Record<Way, Array<number>>>

/** Requests of one sample, so that the way to the session's object weighs little. */
const together = 10
const warmUp = 20

const requestMillis = async (): Promise<Millis> => {
  const home = mkdtempSync(join(tmpdir(), "ownloop-bench-egress-"))
  const upstream = createServer(({ url }, response) => {
    const delay = Number(new URL(url!, "http://upstream").searchParams.get("ms")) // A server's request has a URL.
    if (delay === 0) response.end("hello")
    else setTimeout(() => response.end("hello"), delay)
  })
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve))
  const { port } = upstream.address() as AddressInfo // It listens on a port.
  const config = localConfig({ main: "bench/egress.worker.ts", without: ["build", "assets"] })
  writeFileSync(join(home, "wrangler.json"), JSON.stringify(config))
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false"
  const worker = await unstable_startWorker({
    config: join(home, "wrangler.json"),
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      persist: false,
      watch: false,
      inspector: false,
      logLevel: "none"
    }
  })
  try {
    const statements = readdirSync(`${root}migrations`)
      .sort()
      .flatMap((file) => unstable_splitSqlQuery(readFileSync(`${root}migrations/${file}`, "utf8")))
    await worker.fetch("http://bench/migrate", { method: "POST", body: JSON.stringify(statements) })
    await worker.fetch(`http://bench/?port=${port}`)
    const none = () => ({ Straight: [], InMemory: [], Whole: [] })
    const millis: Millis = { near: none(), far: none() }
    for (let round = -warmUp; round < rounds; round++) {
      for (const [upstream, delay] of Object.entries(delays) as Array<[Upstream, number]>) {
        for (const way of ["Straight", "InMemory", "Whole"] as const) {
          const began = performance.now()
          const response = await worker.fetch(`http://bench/?port=${port}&way=${way}&times=${together}&ms=${delay}`)
          if (!response.ok) throw new Error(await response.text())
          if (round >= 0) millis[upstream][way].push((performance.now() - began) / together)
        }
      }
    }
    return millis
  } finally {
    await worker.dispose()
    upstream.close()
    upstream.closeAllConnections()
    rmSync(home, { recursive: true, force: true })
  }
}

const spread = (samples: ReadonlyArray<number>) => `${digits(p50(samples))} / ${digits(percentile(samples, 0.95))}`

const micros = decideMicros()
const { far, near } = await requestMillis()
const added = ({ Straight, ...ways }: Millis[Upstream], way: Exclude<Way, "Straight">) => p50(ways[way]) - p50(Straight)
const table = (millis: Millis[Upstream]) => `a request without the gateway, ms              ${spread(millis.Straight)}
through it, policy and audit in memory, ms     ${spread(millis.InMemory)}   adds ${digits(added(millis, "InMemory"))} at p50, limit 1
through it, policy and audit in local D1, ms   ${spread(millis.Whole)}   adds ${digits(added(millis, "Whole"))} at p50`
console.log(`${rounds * together} requests each way, a policy of 100 rules, p50 / p95

deciding, us                                   ${spread(micros)}   limit 20

an upstream on this machine
${table(near)}

an upstream that takes ${delays.far} ms
${table(far)}`)
const over = [...(p50(micros) > 20 ? ["deciding"] : []), ...(added(near, "InMemory") > 1 ? ["the gateway"] : [])]
console.log(over.length === 0 ? "\nEvery limit is kept." : `\nOVER: ${over.join(", ")}`)
if (options.check === true && over.length > 0) process.exitCode = 1
