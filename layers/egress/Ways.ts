import * as Hex from "effect/encoding/Hex"
import type { Proxied, Ways } from "../../src/egress/gateway.ts"

/** What the entrypoint below answers, as the runtime carries it. */
interface Proxy {
  handle(request: Request): Promise<Proxied>
}

/** The user's module beside one that calls it. */
const main = `import { WorkerEntrypoint } from "cloudflare:workers"
import proxy from "./proxy.js"
export default class extends WorkerEntrypoint {
  async handle(request) {
    const answer = await proxy(request)
    if (answer instanceof Response) return { response: answer }
    if (answer instanceof Request) return { request: answer }
    if (answer === null || answer === undefined) return null
    throw new TypeError("a proxy answers a Request, a Response or null")
  }
}`

/** Milliseconds of CPU for one request, where the platform counts them. */
const cpuMs = 1_000

/**
 * The ways that rules may name. Proxy code runs in a Dynamic Worker of its own, named by the hash of the code: without bindings, without any
 * network, and without the session's credentials, which the gateway attaches to what comes back. A binding is one of the Worker's own that
 * can be asked for something: a service, or a Workers VPC service.
 */
export const make = (env: object, loader: WorkerLoader): Ways => ({
  proxy: async (code, { url, method, headers, body }) => {
    const worker = loader.get(`proxy/${await hashOf(code)}`, () => ({
      compatibilityDate: "2026-11-01",
      mainModule: "main.js",
      modules: { "main.js": main, "proxy.js": { js: code } },
      env: {},
      globalOutbound: null,
      limits: { cpuMs }
    }))
    // A signal cannot be sent to another isolate.
    const request = new Request(url, { method, headers, body })
    // What an entrypoint serves is not in its type.
    return (worker.getEntrypoint() as unknown as Proxy).handle(request)
  },
  binding: (name) => {
    const binding: unknown = Reflect.get(env, name)
    return isService(binding) ? (request) => binding.fetch(request) : undefined
  }
})

const isService = (binding: unknown): binding is Fetcher =>
  typeof binding === "object" && binding !== null && binding.constructor.name === "Fetcher"

const hashes = new Map<string, string>()

const hashOf = async (code: string): Promise<string> => {
  const known = hashes.get(code)
  if (known !== undefined) return known
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(main + code))
  const hash = Hex.encode(new Uint8Array(digest))
  if (hashes.size >= 256) hashes.clear()
  hashes.set(code, hash)
  return hash
}
