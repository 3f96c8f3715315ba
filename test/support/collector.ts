import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { ISpan } from "@opentelemetry/otlp-transformer/build/src/trace/internal-types.js"
import { decode, isTurn } from "./otlp.ts"

/** A collector on 127.0.0.1, which keeps what it is sent. */
export const startCollector = async () => {
  const spans: Array<ISpan> = []
  const requests: Array<{ readonly path: string | undefined; readonly headers: Headers }> = []
  let arrived = Promise.withResolvers<void>()
  const server = createServer(async (request, response) => {
    const parts: Array<Buffer> = []
    for await (const part of request) parts.push(part as Buffer)
    try {
      spans.push(...decode(JSON.parse(Buffer.concat(parts).toString())))
      requests.push({ path: request.url, headers: new Headers(request.headers as Record<string, string>) })
      response.setHeader("content-type", "application/json").end("{}")
    } catch (error) {
      arrived.reject(error)
      response.writeHead(400).end(String(error))
    }
    arrived.resolve()
    arrived = Promise.withResolvers()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    spans,
    /** The spans of a trace, once its turn has come. */
    turn: async (traceId: string): Promise<ReadonlyArray<ISpan>> => {
      while (true) {
        const found = spans.filter((span) => span.traceId === traceId)
        if (found.some(isTurn)) return found
        await arrived.promise
      }
    },
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections())
  }
}
