import { build } from "esbuild"
import { root } from "./config.ts"

/** Bundles the sandbox SDK into a module of its own: it is a third of the Worker's size, and only the object of a MicroVM is made of it. */
await build({
  stdin: { contents: 'export { ContainerProxy, Sandbox } from "@cloudflare/sandbox"', resolveDir: root },
  bundle: true,
  format: "esm",
  target: "es2024",
  external: ["node:*", "cloudflare:*"],
  minify: true,
  keepNames: false,
  legalComments: "none",
  outfile: `${root}layers/cloudflare/sandbox.mjs`
})
