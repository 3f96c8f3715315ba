import { explain } from "./explain.ts"
import { addRootKey, apiKey, baseUrl, isServing, startWorker } from "./server.ts"

/**
 * Encrypts everything anew. Of a deployment (`OWNLOOP_URL`, `OWNLOOP_API_KEY`) under the first key of its `OWNLOOP_ROOT_KEY`, which must be
 * set before; locally under a new key that is made here.
 */

interface Rotation {
  readonly key_id: string
  readonly rotated: number
  readonly left: ReadonlyArray<{ readonly id: string; readonly reason: string }>
  readonly next_page: string | null
}

const rotate = async (url: string, key: string): Promise<ReadonlyArray<Rotation>> => {
  const pages: Array<Rotation> = []
  for (let page: string | null = ""; page !== null; page = pages.at(-1)!.next_page) {
    const response = await fetch(`${url}/v1/root_keys/rotate?limit=100${page === "" ? "" : `&page=${page}`}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` }
    })
    const body = (await response.json()) as Rotation & { readonly error?: { readonly message: string } }
    if (body.error !== undefined) throw new Error(`${url}: ${body.error.message}`)
    pages.push(body)
  }
  return pages
}

/** Says what came of it, and answers an exit code. */
const report = (pages: ReadonlyArray<Rotation>): number => {
  const left = pages.flatMap((page) => page.left)
  const rotated = pages.reduce((count, page) => count + page.rotated, 0)
  console.log(`${rotated} credentials were encrypted anew; the key in use is ${pages[0]!.key_id}`)
  for (const { id, reason } of left) console.error(`  ${id} was not: ${reason}`)
  if (left.length === 0) console.log("No stored value needs an earlier key any more.")
  return left.length === 0 ? 0 : 1
}

const { OWNLOOP_API_KEY, OWNLOOP_URL } = process.env
if (OWNLOOP_URL !== undefined) {
  process.exitCode = report(await rotate(OWNLOOP_URL.replace(/\/$/, ""), OWNLOOP_API_KEY ?? ""))
} else if (await isServing()) {
  console.error(`Ownloop is serving at ${baseUrl} with the keys that it has: end it, and try again.`)
  process.exitCode = 1
} else {
  addRootKey()
  const worker = await startWorker().catch(explain)
  process.exitCode = report(await rotate(baseUrl, apiKey()))
  await worker.stop()
}
