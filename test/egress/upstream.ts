import { createServer, type IncomingMessage, type Server } from "node:http"
import { Effect, type Scope } from "effect"

/** Serves on 127.0.0.1, on a port that is free, until the scope closes. */
export const serve = (
  server: Server
): Effect.Effect<{ readonly host: string; readonly close: () => void }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly host: string; readonly close: () => void }>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" ? address?.port : undefined
        const close = () => {
          server.close()
          server.closeAllConnections()
        }
        resume(Effect.succeed({ host: `127.0.0.1:${port}`, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

/** What a server saw of a request. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

/**
 * A server that keeps what it saw. `/to?status=<status>&location=<url>` redirects; everything else answers 200 with what was seen, as JSON.
 */
export const upstream = Effect.suspend(() => {
  const seen: Array<Seen> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const { headers, method = "", url = "" } = request
      const entry = { method, url, headers, body: Buffer.concat(chunks).toString() }
      seen.push(entry)
      const { pathname, searchParams } = new URL(url, "http://localhost")
      const location = searchParams.get("location")
      if (pathname === "/to" && location !== null) {
        response.writeHead(Number(searchParams.get("status")), { location }).end("moved")
      } else {
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(entry))
      }
    })
  })
  return Effect.map(serve(server), (address) => ({ ...address, seen }))
})
