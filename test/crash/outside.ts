import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { chunk, event } from "../support/mockOpenAi.ts"
import { answer, type Shown } from "./scenario.ts"
import { Seen } from "./Seen.ts"
import type { CrashPoint } from "./SessionLogSqlite.ts"

/** Everything a session talks to, in one server of the test's own process: the model, the counter, and who is told of its appends. */
export interface Outside {
  readonly host: string
  /** Variables of a Worker that talks to it. */
  readonly vars: Readonly<Record<string, string>>
  readonly of: (session: string) => Seen
  readonly close: () => Promise<void>
}

export const startOutside = async (): Promise<Outside> => {
  const sessions = new Map<string, Seen>()
  const of = (session: string): Seen => {
    const seen = sessions.get(session) ?? new Seen()
    sessions.set(session, seen)
    return seen
  }

  const model = async (incoming: IncomingMessage, response: ServerResponse) => {
    const seen = of(String(incoming.headers["x-session-affinity"]))
    const shown = JSON.parse(await read(incoming)) as Shown
    const asked = answer(shown)
    const name = `${asked.name} (${shown.model})`
    seen.asked.push(name)
    seen.system = String(shown.messages[0]?.content)
    seen.hear()
    if (!seen.pass(`model ${name} asked`, response)) return
    if ("status" in asked.answer) {
      const { status, message } = asked.answer
      json(response, status, { error: { message, type: "invalid_request_error" } })
      return
    }
    const { text, calls = [], meanwhile } = asked.answer
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.write(event(chunk({ role: "assistant", content: null })) + event(chunk({ content: text })))
    if (meanwhile !== undefined) await seen.holds(meanwhile)
    if (!seen.pass(`model ${name} answering`, response)) return
    response.end([...calls.map(call), ...ending(calls.length > 0 ? "tool_calls" : "stop")].join(""))
  }

  const call = ({ name, label }: { readonly name: string; readonly label: string }, index: number) => {
    const text = JSON.stringify({ url: `${url}/count`, label })
    const tool_call = { index, id: `call_${index}`, type: "function", function: { name, arguments: text } }
    return event(chunk({ tool_calls: [tool_call] }))
  }

  const count = async (incoming: IncomingMessage, response: ServerResponse) => {
    const key = String(incoming.headers["idempotency-key"])
    const label = await read(incoming)
    const seen = of(key.slice(0, key.indexOf(":")))
    seen.hear()
    if (!seen.pass(`call ${label} made`, response)) return
    seen.counted.push({ label, key })
    if (!seen.pass(`call ${label} counted`, response)) return
    response.end(`counted ${label}`)
  }

  const crashPoint = async (incoming: IncomingMessage, response: ServerResponse) => {
    const { session, when, events } = JSON.parse(await read(incoming)) as CrashPoint
    const seen = of(session)
    if (when === "after") {
      seen.appends++
      seen.logged.push(...events)
      seen.hear()
    }
    const nth = when === "before" ? seen.appends + 1 : seen.appends
    if (seen.pass(`append ${nth} (${events.at(-1)?.type}) ${when}`, response)) response.end()
  }

  const server = createServer((incoming, response) => {
    const handle = { "/count": count, "/crash-point": crashPoint }[incoming.url!] ?? model
    // A request that breaks off is one of a process that was killed.
    handle(incoming, response).catch(() => response.destroy())
  })
  // Never the one to close a connection: a request that is just on its way would be lost.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}` // It listens on a port, not on a pipe.
  const url = `http://${host}`
  return {
    host,
    vars: { OPENAI_BASE_URL: `${url}/v1`, CRASH_POINTS: `${url}/crash-point` },
    of,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections())
  }
}

const ending = (reason: string) => [
  event(chunk({}, reason)),
  event({ ...chunk({}), choices: [], usage: { prompt_tokens: 10, completion_tokens: 5 } }),
  "data: [DONE]\n\n"
]

const read = async (incoming: IncomingMessage): Promise<string> => {
  let text = ""
  for await (const piece of incoming.setEncoding("utf8")) text += piece
  return text
}

const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
