import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** Token counts as an OpenAI server states them. */
export interface MockUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens: number }
}

/** What follows an answer: a broken connection; nothing, for ever; or the end of the body, but only a moment after its last byte. */
export type Ending = "cut" | "hang" | "late"

/** One answer of the mock. Its end follows at once where no `ending` says otherwise. */
export type MockAnswer =
  /** A streamed chat completion. `usage` comes as real servers send it: in a late chunk without choices. */
  | {
      readonly text?: string | ReadonlyArray<string>
      readonly reasoning?: ReadonlyArray<string>
      readonly calls?: ReadonlyArray<{ readonly name: string; readonly arguments: unknown }>
      readonly usage?: MockUsage
      readonly ending?: Ending
    }
  /** An HTTP error, or a whole JSON answer. */
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** Bytes as they are. */
  | {
      readonly raw: string | ReadonlyArray<string | Uint8Array>
      readonly contentType?: string
      readonly ending?: Ending
    }
  /** Takes the request and never answers. */
  | "hang"

// oxlint-disable-next-line typescript/no-explicit-any -- what was sent is what a test is about: it looks into it freely.
export type Anything = any

export interface MockRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The same for requests over one connection. */
  readonly clientPort: number | undefined
  /** The JSON that was sent. */
  readonly body: Anything
  /** Milliseconds on the clock of `performance.now()`: the request was in, the answer was out. */
  readonly receivedAt: number
  answeredAt: number | undefined
  /** Resolves when the client hangs up before the answer is over; never where it does not. */
  readonly abandoned: Promise<void>
}

export interface MockOpenAi {
  /** The base URL, with the version: `http://127.0.0.1:<port>/v1`. */
  readonly url: string
  /** What came to the chat completions endpoint, oldest first. */
  readonly requests: ReadonlyArray<MockRequest>
  readonly close: () => Promise<void>
}

/**
 * A server on 127.0.0.1 that speaks chat completions and answers at once: from a list, one after the other, or as a function says.
 * A list that has run out answers 500. `GET /v1/models` lists one model, `mock`.
 */
export const startMockOpenAi = async (
  script: ReadonlyArray<MockAnswer> | ((request: MockRequest, index: number) => MockAnswer | Promise<MockAnswer>)
): Promise<MockOpenAi> => {
  const requests: Array<MockRequest> = []
  const answerOf = (request: MockRequest, index: number) =>
    typeof script === "function" ? script(request, index) : (script[index] ?? ranOut(index))

  const server = createServer((incoming, response) => {
    response.on("error", () => {})
    if (incoming.method === "GET" && incoming.url?.endsWith("/models")) {
      json(response, 200, { object: "list", data: [{ id: "mock", object: "model", owned_by: "mock" }] })
      return
    }
    void read(incoming).then(async (text) => {
      const request: MockRequest = {
        path: incoming.url ?? "",
        headers: incoming.headers,
        clientPort: incoming.socket.remotePort,
        body: JSON.parse(text),
        receivedAt: performance.now(),
        answeredAt: undefined,
        abandoned: new Promise((resolve) => {
          response.once("close", () => response.writableFinished || resolve())
        })
      }
      const index = requests.push(request) - 1
      answer(response, await answerOf(request, index))
      request.answeredAt = performance.now()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo // It listens on a port, not on a pipe.
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const ranOut = (index: number): MockAnswer => ({
  status: 500,
  body: { error: { message: `the mock has no answer for request ${index + 1}`, type: "server_error" } }
})

const read = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer) // No encoding is set.
  return Buffer.concat(chunks).toString("utf8")
}

const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

const answer = (response: ServerResponse, answer: MockAnswer) => {
  if (answer === "hang") return
  if ("status" in answer) {
    json(response, answer.status, answer.body ?? {}, answer.headers)
    return
  }
  if ("raw" in answer) {
    response.writeHead(200, { "content-type": answer.contentType ?? "text/event-stream" })
    const pieces = typeof answer.raw === "string" ? [answer.raw] : answer.raw
    for (const piece of pieces) response.write(piece)
    end(response, answer.ending)
    return
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  for (const chunk of chunks(answer)) response.write(event(chunk))
  if (isWhole(answer)) response.write("data: [DONE]\n\n")
  end(response, answer.ending)
}

const end = (response: ServerResponse, ending: Ending | undefined) => {
  if (ending === undefined) response.end()
  if (ending === "late") setTimeout(() => response.end(), 20)
  // Only once what was written is on its way: it must arrive before the cut.
  if (ending === "cut") setImmediate(() => response.destroy())
}

const isWhole = ({ ending }: { readonly ending?: Ending }) => ending === undefined || ending === "late"

/** A server-sent event of one JSON value. */
export const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`

/** A chunk of a streamed chat completion. */
export const chunk = (delta: unknown, finish: string | null = null) => ({
  id: "chatcmpl-mock",
  object: "chat.completion.chunk",
  created: 0,
  model: "mock",
  choices: [{ index: 0, delta, finish_reason: finish }]
})

function* chunks(answer: Extract<MockAnswer, { readonly text?: unknown }>) {
  const calls = answer.calls ?? []
  yield chunk({ role: "assistant", content: null })
  for (const text of answer.reasoning ?? []) yield chunk({ reasoning_content: text })
  for (const text of typeof answer.text === "string" ? [answer.text] : (answer.text ?? []))
    yield chunk({ content: text })
  for (const [index, { name, arguments: input }] of calls.entries()) {
    const text = typeof input === "string" ? input : JSON.stringify(input)
    yield chunk({ tool_calls: [{ index, id: `call_${index}`, type: "function", function: { name, arguments: "" } }] })
    yield chunk({ tool_calls: [{ index, function: { arguments: text } }] })
  }
  if (!isWhole(answer)) return
  yield chunk({}, calls.length > 0 ? "tool_calls" : "stop")
  yield { ...chunk({}), choices: [], usage: answer.usage ?? { prompt_tokens: 10, completion_tokens: 5 } }
}
