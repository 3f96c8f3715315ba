import { Buffer } from "node:buffer"
import type { GitHttpRequest, GitHttpResponse } from "isomorphic-git"

/** Git's network: the isolate's own `fetch`, whose every request goes to the gateway, which attaches what the host asks for. */
export const gitHttp = (fetch: typeof globalThis.fetch, stop: AbortSignal) => ({
  request: async ({ url, method = "GET", headers = {}, body }: GitHttpRequest): Promise<GitHttpResponse> => {
    const sent = body === undefined ? undefined : await readAll(body)
    const response = await fetch(url, {
      method,
      headers,
      signal: stop,
      ...(sent === undefined ? {} : { body: sent })
    })
    const { status, statusText } = response
    if (status === 403 || status === 502) await refuse(response.clone())
    return {
      url: response.url === "" ? url : response.url,
      method,
      headers: Object.fromEntries(response.headers),
      body: chunks(response),
      statusCode: status,
      statusMessage: statusText
    }
  }
})

/** The gateway says why in JSON; a server's own answers are git's matter. */
const refuse = async (response: Response): Promise<void> => {
  const answer = (await response.json().catch(() => null)) as {
    readonly error?: { readonly type?: string; readonly message?: string }
  } | null
  const { type, message } = answer?.error ?? {}
  if (type?.startsWith("egress_") === true) throw new Error(message)
}

const readAll = async (body: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts)
}

async function* chunks({ body }: Response): AsyncIterableIterator<Uint8Array> {
  for await (const chunk of body ?? []) yield chunk
}
