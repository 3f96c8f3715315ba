import { spawnSync } from "node:child_process"
import { chmodSync, copyFileSync, rmSync } from "node:fs"
import { root } from "./config.ts"

/** Builds what `npm pack` takes into `dist`: modules with their types, and beside them the two that are written by other builds. */
const run = (...command: ReadonlyArray<string>): void => {
  const [program = "", ...args] = command
  const { status } = spawnSync(program, args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" })
  if (status !== 0) process.exit(status ?? 1)
}

rmSync(`${root}dist`, { recursive: true, force: true })
run("node", "scripts/build-shell.ts")
run("node", "scripts/build-sandbox.ts")
run("tsc", "--project", "scripts/package")
for (const file of [
  "layers/sandbox/isolate/isolate.shell.txt",
  "layers/cloudflare/sandbox.mjs",
  "layers/cloudflare/sandbox.d.mts"
]) {
  copyFileSync(`${root}${file}`, `${root}dist/${file}`)
}
chmodSync(`${root}dist/bin/ownloop.js`, 0o755)
