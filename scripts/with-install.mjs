// Runs a command with the project's packages and its own Node, installing them first where they are missing or out of date.
// Plain JavaScript without dependencies: this is what a fresh clone runs on the Node that the machine has.
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"

const root = join(import.meta.dirname, "..")
const bin = join(root, "node_modules", ".bin")
const stamp = join(root, "node_modules", ".ownloop-install")
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex")
const windows = process.platform === "win32"

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  console.error("installing packages (once, about a minute) ...")
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: windows
  })
  if (status !== 0) process.exit(status ?? 1)
  writeFileSync(stamp, wanted)
}

const env = { ...process.env, PATH: bin + delimiter + process.env.PATH }
const [major, minor] = spawnSync("node", ["--version"], { env, shell: windows })
  .stdout.toString()
  .slice(1)
  .split(".")
  .map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    "Ownloop needs Node 22.18 or newer. On Linux and Windows one comes with its packages; here, install one."
  )
  process.exit(1)
}

const [command, ...args] = process.argv.slice(2)
const child = spawn(command, args, { cwd: root, env, stdio: "inherit", shell: windows })
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
child.on("exit", (code, signal) => process.exit(signal === null ? code : 1))
