import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../../scripts/config.ts"

/** What a test machine is made of: Debian with the tools of the tests, from the local image store. */
const base = process.env["OWNLOOP_TEST_BASE_IMAGE"] ?? "ownloop-test/debian:bookworm"

/**
 * Puts together what a stand-in for the product's image is built of, and answers its Dockerfile: the product's own, on another base, without
 * what it installs, and with a server that speaks the SDK's HTTP routes in place of Cloudflare's (`server.mjs`).
 */
const standIn = (isHeld: boolean): string => {
  const context = join(root, `.build/microvm${isHeld ? "-held" : ""}`)
  const product = join(root, "layers/sandbox/microvm")
  rmSync(context, { recursive: true, force: true })
  mkdirSync(context, { recursive: true })
  cpSync(join(product, "image"), join(context, "image"), { recursive: true })
  cpSync(join(import.meta.dirname, "server.mjs"), join(context, "server.mjs"))
  cpSync(process.execPath, join(context, "node"))
  const own = readFileSync(join(product, "Dockerfile"), "utf8")
    .replace(/^FROM .*$/m, `FROM ${base}`)
    .replace(/^RUN (?:.*\\\n)*.*$/gm, "")
  if (isHeld) cpSync(join(import.meta.dirname, "curl"), join(context, "curl"))
  const server = [
    "RUN mkdir /workspace",
    ...(isHeld ? ["COPY curl /usr/local/bin/curl"] : []),
    "COPY node /usr/local/bin/node",
    "COPY server.mjs /server.mjs",
    'ENTRYPOINT ["/opt/ownloop/init", "/usr/local/bin/node", "/server.mjs"]'
  ]
  const file = join(context, "Dockerfile")
  writeFileSync(file, `${own}\n${server.join("\n")}\nEXPOSE 3000\n`)
  return file
}

/** Whether the tests run on the product's own image, which Docker builds on Cloudflare's: `OWNLOOP_TEST_IMAGE=official`. */
export const isOfficial = process.env["OWNLOOP_TEST_IMAGE"] === "official"

/** The machines of a Worker under test. */
export const machines = () => (isOfficial ? {} : { image: standIn(false) })

/** Stand-ins whose own requests wait until a test lets them go (`curl`). */
export const heldMachines = () => ({ image: standIn(true) })

/** Its variables: the stand-in speaks the SDK's HTTP routes only. */
export const vars: Record<string, string> = isOfficial ? {} : { OWNLOOP_SANDBOX_TRANSPORT: "http" }
