import type { BashOptions } from "just-bash/browser"
import type { Network } from "./Protocol.ts"

type Fetch = NonNullable<BashOptions["fetch"]>

/** The network of the shell's `curl`: every request, redirects included, goes to the gateway. */
export const makeFetch =
  (network: Network, maxBytes: number, aborted: AbortSignal): Fetch =>
  async (url, options = {}) => {
    const signals = [aborted, ...(options.signal === undefined ? [] : [options.signal])]
    if (options.timeoutMs !== undefined) signals.push(AbortSignal.timeout(options.timeoutMs))
    const response = await network.fetch(url, {
      method: options.method ?? "GET",
      headers: options.headers ?? {},
      redirect: options.followRedirects === false ? "manual" : "follow",
      signal: AbortSignal.any(signals),
      ...(options.body === undefined ? {} : { body: options.body })
    })
    const body = await readAll(response, maxBytes)
    const { status, statusText, headers } = response
    return {
      status,
      statusText,
      headers: Object.fromEntries(headers),
      body,
      url: response.url === "" ? url : response.url
    }
  }

const readAll = async (response: Response, maxBytes: number): Promise<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  let size = 0
  for await (const part of response.body ?? []) {
    parts.push(part)
    size += part.length
    if (size > maxBytes) throw new Error(`the response is larger than ${maxBytes} bytes`)
  }
  const body = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    body.set(part, at)
    at += part.length
  }
  return body
}
