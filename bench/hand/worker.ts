import { DurableObject } from "cloudflare:workers"

// What an engineer writes by hand when no framework is wanted: a loop in a Durable Object that reads the model's stream, runs the tools it
// asks for side by side, and keeps every event in the object's SQLite. It resumes nothing, retries nothing and shows nothing on the way.

interface Env {
  readonly SESSIONS: DurableObjectNamespace<HandSession>
}

export interface Run {
  readonly session: string
  /** With the version: `http://127.0.0.1:1234/v1`. */
  readonly baseUrl: string
  readonly model: string
  readonly prompt: string
}

interface ToolCall {
  readonly id: string
  readonly type: "function"
  readonly function: { name: string; arguments: string }
}

type Message =
  | { readonly role: "system" | "user"; readonly content: string }
  | { readonly role: "assistant"; readonly content: string; readonly tool_calls?: Array<ToolCall> }
  | { readonly role: "tool"; readonly tool_call_id: string; readonly content: string }

interface Chunk {
  readonly choices: ReadonlyArray<{
    readonly delta: {
      readonly content?: string | null
      readonly tool_calls?: ReadonlyArray<{
        readonly index: number
        readonly id?: string
        readonly function: { readonly name?: string; readonly arguments?: string }
      }>
    }
  }>
}

const system = "You are an agent. You work by calling tools, and you answer when the task is done."

const tools = [
  {
    type: "function",
    function: {
      name: "current_time",
      description: "Tells the date and time now.",
      parameters: {
        type: "object",
        properties: {
          time_zone: { type: "string", description: 'IANA name such as "Europe/Berlin"; UTC where absent' }
        }
      }
    }
  }
]

const formats = new Map<string, Intl.DateTimeFormat>()

const formatOf = (timeZone: string) => {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "long" })
    formats.set(timeZone, format)
  }
  return format
}

const runTool = async ({ function: { name, arguments: text } }: ToolCall): Promise<string> => {
  try {
    if (name !== "current_time") return `Error: there is no tool ${name}`
    const { time_zone = "UTC" }: { readonly time_zone?: string } = JSON.parse(text)
    return formatOf(time_zone).format(Date.now())
  } catch (error) {
    return `Error: ${String(error)}`
  }
}

/** Asks the model once and reads its answer to the end. */
const ask = async ({ session, baseUrl, model }: Run, messages: ReadonlyArray<Message>) => {
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-affinity": session },
    body: JSON.stringify({ model, messages, tools, stream: true, stream_options: { include_usage: true } })
  })
  if (!response.ok || response.body === null) throw new Error(`the model answered ${response.status}`)
  let content = ""
  const calls: Array<ToolCall> = []
  let rest = ""
  const decoder = new TextDecoder()
  for await (const bytes of response.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue
      const chunk: Chunk = JSON.parse(line.slice(6))
      const delta = chunk.choices[0]?.delta
      content += delta?.content ?? ""
      for (const { index, id = "", function: piece } of delta?.tool_calls ?? []) {
        const call = (calls[index] ??= { id, type: "function", function: { name: "", arguments: "" } })
        call.function.name += piece.name ?? ""
        call.function.arguments += piece.arguments ?? ""
      }
    }
  }
  return { role: "assistant" as const, content, ...(calls.length === 0 ? {} : { tool_calls: calls }) }
}

export class HandSession extends DurableObject<Env> {
  #log(type: string, body: unknown) {
    this.ctx.storage.sql.exec("INSERT INTO events (type, body) VALUES (?, ?)", type, JSON.stringify(body))
  }

  async run(run: Run): Promise<string> {
    this.ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT NOT NULL, body TEXT NOT NULL)"
    )
    const messages: Array<Message> = [{ role: "system", content: system }]
    messages.push({ role: "user", content: run.prompt })
    this.#log("user_message", run.prompt)
    while (true) {
      const answer = await ask(run, messages)
      messages.push(answer)
      this.#log("assistant_message", answer)
      if (answer.tool_calls === undefined) return answer.content
      messages.push(
        ...(await Promise.all(
          answer.tool_calls.map(async (call) => {
            this.#log("tool_call", call)
            const result = { role: "tool" as const, tool_call_id: call.id, content: await runTool(call) }
            this.#log("tool_result", result)
            return result
          })
        ))
      )
    }
  }
}

export default {
  async fetch(request, env) {
    if (request.method !== "POST" || new URL(request.url).pathname !== "/run")
      return new Response(null, { status: 404 })
    const run = await request.json<Run>()
    return Response.json({ answer: await env.SESSIONS.getByName(run.session).run(run) })
  }
} satisfies ExportedHandler<Env>
