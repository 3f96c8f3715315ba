import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { extname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { buildSync } from "esbuild"
import { root } from "../scripts/config.ts"

export interface Module {
  readonly name: string
  readonly type: "ESModule" | "Text"
  readonly contents: string
}

/** A Worker as it is deployed: its main module first. */
export type Build = ReadonlyArray<Module>

/** Text to the Worker, and code to the isolate only; or the SDK of which the object of a machine is made, and nothing else. */
const isBeside = ({ name }: Module) => name.endsWith(".shell.txt") || name === "sandbox.mjs"

/** KiB of a build, gzipped, without the shell and the sandbox SDK (80 KiB), which are modules beside it. */
export const gzipKiB = (build: Build): number =>
  build.filter((module) => !isBeside(module)).reduce((sum, { contents }) => sum + gzipSync(contents).length, 0) / 1024

export const buildHand = (): Build => {
  const { outputFiles } = buildSync({
    entryPoints: [join(root, "bench/hand/worker.ts")],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:workers"],
    write: false
  })
  return [{ name: "worker.js", type: "ESModule", contents: outputFiles[0]!.text }]
}

/** The product as `npm run deploy` would upload it. */
export const buildOwnloop = (folder: string): Build => {
  const flags = ["--dry-run", "--minify", "--containers-rollout=none", "--outdir", folder]
  const { status, stdout, stderr } = spawnSync("wrangler", ["deploy", ...flags], {
    cwd: root,
    env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" },
    encoding: "utf8"
  })
  if (status !== 0) throw new Error(`the Worker could not be built:\n${stdout}${stderr}`)
  return readdirSync(folder)
    .filter((name) => [".js", ".mjs", ".txt"].includes(extname(name)))
    .sort((name) => (name === "worker.js" ? -1 : 1))
    .map((name) => ({
      name,
      type: extname(name) === ".txt" ? "Text" : "ESModule",
      contents: readFileSync(join(folder, name), "utf8")
    }))
}
