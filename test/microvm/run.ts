import { execFileSync, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { root } from "../../scripts/config.ts"

/**
 * `npm run test:microvm`: the tests in this folder, on the container engine that runs here or on one that the scripts in `../shared/engine`
 * (or `OWNLOOP_ENGINE`) bring up. Without either it says so and is done.
 */
const engine = process.env["OWNLOOP_ENGINE"] ?? join(root, "../shared/engine")
const docker = process.env["WRANGLER_DOCKER_BIN"] ?? "docker"

const isRunning = () => spawnSync(docker, ["info"], { stdio: "ignore" }).status === 0

/** Containers that a Worker started; its runtime can leave one behind. */
const containers = () =>
  execFileSync(docker, ["ps", "-aq", "--filter", "name=workerd-"], { encoding: "utf8" }).split("\n").filter(Boolean)

const test = () =>
  spawnSync("vitest", ["run", "--project", "microvm", ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1

if (isRunning()) {
  const before = new Set(containers())
  process.exitCode = test()
  const left = containers().filter((id) => !before.has(id))
  if (left.length > 0) execFileSync(docker, ["rm", "-f", ...left])
} else if (existsSync(join(engine, "up.sh"))) {
  const { status, stdout } = spawnSync(join(engine, "up.sh"), {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"]
  })
  if (status === 0) {
    for (const [, name, value] of stdout.matchAll(/^export (\w+)=(.*)$/gm)) process.env[name!] = value
    process.exitCode = test()
  } else {
    console.log(`microvm: skipped, since the engine in ${engine} did not start`)
  }
  spawnSync(join(engine, "down.sh"), { stdio: "inherit" })
} else {
  console.log("microvm: skipped, since no container engine runs here")
}
