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

/** Requests of one sample, so that the way to the session's object weighs little. */
const together = 10
const warmUp = 20

const requestMillis = async (): Promise<Record<Way, ReadonlyArray<number>>> => {
  const home = mkdtempSync(join(tmpdir(), "ownloop-bench-egress-"))
  const upstream = createServer((_, response) => response.end("hello"))
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
    const millis: Record<Way, Array<number>> = { Straight: [], InMemory: [], Whole: [] }
    for (let round = -warmUp; round < rounds; round++) {
      for (const way of ["Straight", "InMemory", "Whole"] as const) {
        const began = performance.now()
        const response = await worker.fetch(`http://bench/?port=${port}&way=${way}&times=${together}`)
        if (!response.ok) throw new Error(await response.text())
        if (round >= 0) millis[way].push((performance.now() - began) / together)
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
const { Straight, InMemory, Whole } = await requestMillis()
const added = p50(InMemory) - p50(Straight)
console.log(`${rounds * together} requests each way, a policy of 100 rules, p50 / p95

deciding, us                                   ${spread(micros)}   limit 20
a request without the gateway, ms              ${spread(Straight)}
through it, policy and audit in memory, ms     ${spread(InMemory)}   adds ${digits(added)} at p50, limit 1
through it, policy and audit in local D1, ms   ${spread(Whole)}   adds ${digits(p50(Whole) - p50(Straight))} at p50`)
const over = [...(p50(micros) > 20 ? ["deciding"] : []), ...(added > 1 ? ["the gateway"] : [])]
console.log(over.length === 0 ? "\nEvery limit is kept." : `\nOVER: ${over.join(", ")}`)
if (options.check === true && over.length > 0) process.exitCode = 1
