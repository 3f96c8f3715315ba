import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { done } from "./client.ts"

/** What tasks talk to: the model, who is told of every step, and who receives the outcomes. Any step can be held, for a kill to come. */
export const startOutside = async () => {
  const times = new Map<string, number>()
  const points: Array<string> = []
  const outcomes: Array<{ readonly id: string; readonly body: string }> = []
  let trap: string | undefined
  let caught = Promise.withResolvers<void>()
  let heard = Promise.withResolvers<void>()

  /** Whether whoever came to the point goes on. */
  const pass = (name: string): boolean => {
    const count = (times.get(name) ?? 0) + 1
    times.set(name, count)
    const point = `${name} #${count}`
    points.push(point)
    heard.resolve()
    heard = Promise.withResolvers()
    if (point !== trap) return true
    caught.resolve()
    return false
  }

  const answer = (request: IncomingMessage, response: ServerResponse, body: string) => {
    if (request.url === "/crash-point") {
      const { step, when, events } = JSON.parse(body) as {
        step?: string
        when?: string
        events?: Array<{ type: string }>
      }
      if (pass(step ?? `append of ${events?.at(-1)?.type} ${when}`)) response.end()
    } else if (request.url === "/outcome") {
      outcomes.push({ id: String(request.headers["webhook-id"]), body })
      if (pass("outcome received")) response.end()
    } else if (pass("model asked")) {
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.end(done)
    }
  }

  const server = createServer((request, response) => {
    let body = ""
    request.setEncoding("utf8")
    request.on("data", (piece: string) => (body += piece))
    request.on("end", () => answer(request, response, body))
    response.on("error", () => {})
  })
  // Never the one to close a connection: a request that is just on its way would be lost.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}` // It listens on a port, not on a pipe.
  const url = `http://${host}`
  return {
    host,
    url,
    vars: { OPENAI_BASE_URL: `${url}/v1`, CRASH_POINTS: `${url}/crash-point` },
    points,
    outcomes,
    /** Settles when something is next heard. */
    next: () => heard.promise,
    /** Begins anew. Settles once somebody came to the point and is held there. */
    hold: (point: string | undefined): Promise<void> => {
      times.clear()
      points.length = 0
      outcomes.length = 0
      trap = point
      caught = Promise.withResolvers()
      return caught.promise
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections())
  }
}
