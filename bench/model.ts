import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

// The model both contenders are measured against: a chat completions server in a process of its own that answers at once. What it answers
// stands in the model's name. It also measures, since only it sees both ends: the time from its answer to the session's next request.

/** A session's script, as the model's name: so many turns that call tools, each `parallel` of them, then a text in so many deltas. */
export interface Script {
  readonly turns: number
  readonly parallel: number
  readonly deltas: number
  /** Whether an answer is sent delta by delta, as a model does that thinks, or in one go, as a gateway's cache does. */
  readonly trickles: boolean
}

export const nameOf = ({ turns, parallel, deltas, trickles }: Script): string =>
  `turns=${turns},parallel=${parallel},deltas=${deltas}${trickles ? ",trickles" : ""}`

const scriptOf = (model: string): Script => {
  const match = /^turns=(\d+),parallel=(\d+),deltas=(\d+)(,trickles)?$/.exec(model)
  if (match === null) throw new Error(`no script is named ${model}`)
  const [turns, parallel, deltas] = match.slice(1, 4).map(Number)
  return { turns: turns!, parallel: parallel!, deltas: deltas!, trickles: match[4] !== undefined }
}

/** What one session did. `GET /sessions/<id>` tells it, once. */
export interface Measured {
  /** Requests that came. */
  requests: number
  /** Milliseconds from the end of an answer to the next request, oldest first. */
  readonly gaps: Array<number>
}

const sessions = new Map<string, Measured & { answeredAt: number }>()

const event = (delta: unknown, finish: string | null = null) =>
  `data: ${JSON.stringify({
    id: "chatcmpl-bench",
    object: "chat.completion.chunk",
    created: 0,
    model: "bench",
    choices: [{ index: 0, delta, finish_reason: finish }]
  })}\n\n`

const usage = `data: ${JSON.stringify({ id: "chatcmpl-bench", object: "chat.completion.chunk", created: 0, model: "bench", choices: [], usage: { prompt_tokens: 10, completion_tokens: 5 } })}\n\n`
const start = event({ role: "assistant", content: null })
const word = event({ content: "word " })

const answer = ({ turns, parallel, deltas }: Script, turn: number): ReadonlyArray<string> => {
  if (turn >= turns) {
    return [start, ...Array.from({ length: deltas }, () => word), event({}, "stop"), usage, "data: [DONE]\n\n"]
  }
  const calls = Array.from({ length: parallel }, (_, index) => [
    event({
      tool_calls: [
        { index, id: `call_${turn}_${index}`, type: "function", function: { name: "current_time", arguments: "" } }
      ]
    }),
    event({ tool_calls: [{ index, function: { arguments: '{"time_zone":"UTC"}' } }] })
  ])
  return [start, ...calls.flat(), event({}, "tool_calls"), usage, "data: [DONE]\n\n"]
}

const read = async (incoming: IncomingMessage): Promise<string> => {
  let text = ""
  for await (const chunk of incoming.setEncoding("utf8")) text += chunk
  return text
}

const complete = async (incoming: IncomingMessage, response: ServerResponse) => {
  const receivedAt = performance.now()
  const id = String(incoming.headers["x-session-affinity"])
  const session = sessions.get(id) ?? { requests: 0, gaps: [], answeredAt: 0 }
  sessions.set(id, session)
  if (session.requests > 0) session.gaps.push(receivedAt - session.answeredAt)
  const { model }: { readonly model: string } = JSON.parse(await read(incoming))
  const script = scriptOf(model)
  const events = answer(script, session.requests++)
  response.writeHead(200, { "content-type": "text/event-stream" })
  if (script.trickles) for (const event of events) response.write(event)
  response.end(script.trickles ? undefined : events.join(""))
  session.answeredAt = performance.now()
}

const tell = (id: string, response: ServerResponse) => {
  const session = sessions.get(id)
  sessions.delete(id)
  response.writeHead(session === undefined ? 404 : 200, { "content-type": "application/json" })
  response.end(JSON.stringify(session ?? null))
}

const serve = () => {
  const server = createServer((incoming, response) => {
    const { method, url = "" } = incoming
    if (method === "POST" && url === "/v1/chat/completions") void complete(incoming, response)
    else tell(url.replace("/sessions/", ""), response)
  })
  // Never the one to close a connection: a request that is just on its way would be lost.
  server.keepAliveTimeout = 0
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    process.send?.({ url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}` })
  })
  process.once("disconnect", () => process.exit())
}

if (import.meta.main) serve()
