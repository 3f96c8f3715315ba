import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { build } from "esbuild"
import { root } from "./config.ts"

/** Builds what runs inside the isolate backend's Dynamic Workers into the one text that the product's Worker carries. */
const folder = `${root}layers/sandbox/isolate/`

const bundle = async (entry: string): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [folder + entry],
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["node:*", "cloudflare:*"],
    minify: true,
    legalComments: "none",
    write: false
  })
  return outputFiles[0]!.text
}

const [shell, git, runner] = await Promise.all(["shell.worker.ts", "git/Git.ts", "runner.worker.ts"].map(bundle))
const hash = createHash("sha256")
  .update(JSON.stringify([shell, git, runner]))
  .digest("hex")
  .slice(0, 16)
writeFileSync(`${folder}isolate.shell.txt`, JSON.stringify({ hash, shell, git, runner }))
