import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Engine, Finish, Prompt } from "./engine.ts"
import { BadRequest } from "./prompt.ts"
import { type CompletionRequest, read } from "./request.ts"

/** Milliseconds between signs of life in a stream that has nothing to say yet: a long prompt takes a small machine minutes. */
const heartbeat = 15_000

/**
 * One model behind an OpenAI-compatible port on 127.0.0.1: `/v1/models` and `/v1/chat/completions`. Requests are answered one after the
 * other; one whose client has gone is dropped, also while it is being answered.
 */
export const serve = async (engine: Engine): Promise<{ readonly url: string; readonly server: Server }> => {
  const created = Math.floor(Date.now() / 1000)
  const inTurn = queue()
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname
    if (path === "/v1/models" && request.method === "GET") {
      const model = {
        id: engine.name,
        object: "model",
        created,
        owned_by: "local",
        meta: { n_ctx: engine.contextSize }
      }
      return send(response, 200, { object: "list", data: [model] })
    }
    if (path === "/v1/chat/completions" && request.method === "POST") {
      return void complete(engine, inTurn, request, response).catch((error: unknown) => fail(response, error))
    }
    fail(response, new BadRequest(`there is no ${request.method} ${path}`, 404))
  })
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, server } // It listens on a port, not on a pipe.
}

type InTurn = ReturnType<typeof queue>

/** Runs one thing after the other. */
const queue = () => {
  let last: Promise<unknown> = Promise.resolve()
  return <A>(run: () => Promise<A>): Promise<A> => {
    const result = last.then(run)
    last = result.catch(() => {})
    return result
  }
}

const complete = async (engine: Engine, inTurn: InTurn, incoming: IncomingMessage, response: ServerResponse) => {
  const request = read(await bodyOf(incoming))
  if (request.model !== undefined && request.model !== engine.name) {
    throw new BadRequest(`there is no model ${request.model}, only ${engine.name}`, 404, "model_not_found")
  }
  const prompt = engine.prompt(request)
  const room = engine.contextSize - prompt.tokens.length
  if (room < 1) {
    const message = `the prompt has ${prompt.tokens.length} tokens, which exceeds the available context size of ${engine.contextSize}`
    throw new BadRequest(message, 400, "exceed_context_size_error")
  }
  const abandoned = new AbortController()
  response.once("close", () => abandoned.abort())
  const { signal } = abandoned
  const options = { ...request.sampling, signal, maxTokens: Math.min(room, request.maxTokens ?? room) }
  const head = {
    id: `chatcmpl-${crypto.randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: engine.name
  }
  const generate: Generate = (write) =>
    inTurn(() => {
      signal.throwIfAborted()
      return engine.generate(prompt, options, write)
    })
  if (request.stream) await stream(response, head, request, prompt, generate)
  else await whole(response, head, prompt, generate)
}

type Generate = (write: (text: string) => void) => Promise<Finish>

const whole = async (response: ServerResponse, head: object, prompt: Prompt, generate: Generate) => {
  let content = ""
  const finish = await generate((text) => (content += text))
  const choice = { index: 0, message: { role: "assistant", content }, finish_reason: finish.reason, logprobs: null }
  send(response, 200, { ...head, object: "chat.completion", choices: [choice], usage: usage(prompt, finish) })
}

const stream = async (
  response: ServerResponse,
  head: object,
  request: CompletionRequest,
  prompt: Prompt,
  generate: Generate
) => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  const write = (value: unknown) => response.write(`data: ${JSON.stringify(value)}\n\n`)
  const chunk = (delta: object, finish_reason: string | null = null) =>
    write({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })
  chunk({ role: "assistant", content: "" })
  const alive = setInterval(() => response.write(": waiting\n\n"), heartbeat)
  try {
    const finish = await generate((text) => {
      if (text !== "") chunk({ content: text })
    })
    chunk({}, finish.reason)
    if (request.includeUsage) {
      write({ ...head, object: "chat.completion.chunk", choices: [], usage: usage(prompt, finish) })
    }
    response.end("data: [DONE]\n\n")
  } finally {
    clearInterval(alive)
  }
}

const usage = ({ tokens }: Prompt, { cachedTokens, completionTokens }: Finish) => ({
  prompt_tokens: tokens.length,
  completion_tokens: completionTokens,
  total_tokens: tokens.length + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens }
})

const bodyOf = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer) // No encoding is set.
  return Buffer.concat(chunks).toString("utf8")
}

const send = (response: ServerResponse, status: number, body: unknown) =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))

/** In the form that OpenAI gives errors. In a stream that has begun it is an event, and no end marker follows. */
const fail = (response: ServerResponse, error: unknown) => {
  if (response.destroyed) return // Nobody is there to read it.
  const { code, status } = error instanceof BadRequest ? error : { code: null, status: 500 }
  const type = code ?? (status < 500 ? "invalid_request_error" : "server_error")
  const body = { error: { message: error instanceof Error ? error.message : String(error), type, param: null, code } }
  if (response.headersSent) response.end(`data: ${JSON.stringify(body)}\n\n`)
  else send(response, status, body)
}
