import Anthropic from "@anthropic-ai/sdk"
import { apiKey, baseUrl } from "./server.ts"

/** The official client, pointed at the local Worker. `apiKey: null` keeps it from reading a vendor's key from the environment. */
const client = () => new Anthropic({ baseURL: baseUrl, authToken: apiKey(), apiKey: null })

const toolset = { type: "agent_toolset_20260401" as const }

/** Hosts of the URLs in a text, as `allowed_hosts` names them: asking for a page is allowing it. */
const hostsIn = (text: string): ReadonlyArray<string> => {
  const urls = text.match(/https?:\/\/[^\s"'<>)\]]+/g) ?? []
  return [...new Set(urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).host))].sort()
}

/** The environment for these hosts; one is made for each set of hosts, and used again. */
const environmentFor = async (anthropic: Anthropic, hosts: ReadonlyArray<string>): Promise<string> => {
  const name = hosts.length === 0 ? "task: offline" : `task: ${hosts.join(" ")}`
  for await (const environment of anthropic.beta.environments.list()) {
    if (environment.name === name) return environment.id
  }
  const networking = { type: "limited" as const, allowed_hosts: [...hosts] }
  return (await anthropic.beta.environments.create({ name, config: { type: "cloud", networking } })).id
}

/** The agent of local tasks, with the model that the Worker uses by default: a model id without a provider means that one. */
const taskAgent = async (anthropic: Anthropic) => {
  const name = "task"
  for await (const agent of anthropic.beta.agents.list()) {
    if (agent.name === name) return anthropic.beta.agents.update(agent.id, { model: "default" })
  }
  return anthropic.beta.agents.create({ name, model: "default", tools: [toolset] })
}

const shorten = (text: string) => (text.length > 600 ? `${text.slice(0, 600)} ...` : text)
const indent = (text: string) => text.replaceAll("\n", "\n    ")
const texts = (content: ReadonlyArray<{ type: string; text?: string }> | undefined) =>
  (content ?? []).map((block) => block.text ?? "").join("\n")

/** Why a task stopped, null where its turn ended by itself; and its answer, where that was to have a form. */
export interface Outcome {
  readonly problem: string | null
  readonly output?: unknown
}

/**
 * Runs one task as a session, showing what happens. With a JSON Schema the answer has that form, and what happens is shown on the standard
 * error, so that the standard output has room for the answer.
 */
export const runTask = async (task: string, schema?: object): Promise<Outcome> => {
  const out = schema === undefined ? process.stdout : process.stderr
  const line = (text: string) => void out.write(`${text}\n`)
  const dim = (text: string) => (out.isTTY ? `\u001b[2m${text}\u001b[22m` : text)
  const anthropic = client()
  const [agent, environment] = await Promise.all([taskAgent(anthropic), environmentFor(anthropic, hostsIn(task))])
  const session = await anthropic.beta.sessions.create({
    agent: agent.id,
    environment_id: environment,
    title: task.slice(0, 100),
    initial_events: [{ type: "user.message", content: [{ type: "text", text: task }] }],
    ...(schema === undefined ? {} : { output_config: { format: { type: "json_schema", schema } } })
  })
  const ended = async (problem: string | null): Promise<Outcome> => {
    if (schema === undefined || problem !== null) return { problem }
    // The SDK's types do not know what is ours.
    const shown = (await anthropic.beta.sessions.retrieve(session.id)) as { structured_output?: { value: unknown } }
    return { problem, output: shown.structured_output?.value }
  }
  line(dim(`session ${session.id} · ${agent.model.id}`))
  line(`> ${task}`)

  const streamed = new Set<string>()
  let lastError = ""
  for await (const event of await anthropic.beta.sessions.events.stream(session.id, {
    event_deltas: ["agent.message"]
  })) {
    switch (event.type) {
      case "event_delta":
        streamed.add(event.event_id)
        out.write(event.delta.content.text)
        break
      case "agent.message":
        if (streamed.has(event.id)) out.write("\n")
        else line(texts(event.content))
        break
      case "agent.tool_use":
        line(dim(`  ${event.name} ${shorten(JSON.stringify(event.input))}`))
        break
      case "agent.tool_result":
        line(dim(`    ${event.is_error === true ? "error: " : ""}${indent(shorten(texts(event.content)))}`))
        break
      case "session.error":
        lastError = event.error.message
        console.error(`\n  ${event.error.type}: ${event.error.message}`)
        break
      case "session.status_rescheduled":
        console.error("  no model answers: the session waits, and tries again by itself")
        break
      case "agent.thread_context_compacted":
        line(dim("  the conversation was summarised: the model has no room for all of it"))
        break
      case "session.status_idle":
        if (event.stop_reason.type === "end_turn") return ended(null)
        return ended(lastError === "" ? event.stop_reason.type : `${event.stop_reason.type}: ${lastError}`)
      case "session.status_terminated":
        return ended("terminated")
    }
  }
  return ended("the stream ended before the session did")
}
