import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"

/** Once before the tests that run workerd: what the Worker is built from, and a place in memory for its databases. */
export default () => {
  for (const part of ["shell", "sandbox"]) execFileSync("node", [`scripts/build-${part}.ts`], { stdio: "inherit" })
  // Without it the runtime asks the network for a request's `cf` object at every start.
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false"
  process.env["WRANGLER_SEND_METRICS"] = "false"
  // As in the local start: one hostile regular expression would block the whole runtime.
  process.env["MINIFLARE_WORKERD_V8_FLAGS"] = "--enable-experimental-regexp-engine-on-excessive-backtracks"
  if (!existsSync("/dev/shm")) return
  const directory = mkdtempSync("/dev/shm/ownloop-")
  process.env["TMPDIR"] = directory
  return () => rmSync(directory, { recursive: true, force: true })
}
