import { Agent, request } from "node:http"

// Leaner than `fetch`, whose own work would show in the times of both contenders.

const agent = new Agent({ keepAlive: true })

/** Milliseconds after which a request is given up: heartbeats would keep one open for ever. */
const patience = 60_000

export interface Call {
  readonly url: string
  readonly method?: "GET" | "POST"
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Hangs up as soon as this is true of the latest text, a thousand characters or more; where absent, the answer is read to its end. */
  readonly until?: (latest: string) => boolean
}

/** The text of an answer, or with `until` the latest of it. A status other than 2xx, and an end before `until`, are errors. */
export const send = ({ url, method = "GET", headers, body, until }: Call): Promise<string> =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent,
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers }
    })
    const timer = setTimeout(() => outgoing.destroy(new Error(`${method} ${url} took longer than a minute`)), patience)
    outgoing.once("close", () => clearTimeout(timer))
    outgoing.once("error", reject)
    outgoing.once("response", (incoming) => {
      const ok = incoming.statusCode! >= 200 && incoming.statusCode! < 300
      let text = ""
      incoming.setEncoding("utf8")
      incoming.on("data", (piece: string) => {
        text = until === undefined ? text + piece : text.slice(-1_000) + piece
        if (!ok || !until?.(text)) return
        resolve(text)
        outgoing.destroy()
      })
      incoming.once("error", reject)
      incoming.once("end", () => {
        if (ok && until === undefined) resolve(text)
        else reject(new Error(`${method} ${url} answered ${incoming.statusCode}: ${text.slice(-2_000)}`))
      })
    })
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
