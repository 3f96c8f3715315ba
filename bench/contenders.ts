import { randomUUID } from "node:crypto"
import type { Run } from "./hand/worker.ts"
import { send } from "./http.ts"
import { type Measured, nameOf, type Script } from "./model.ts"
import type { Server } from "./processes.ts"

export interface Session extends Measured {
  readonly id: string
  /** Milliseconds from the first request to the last word. */
  readonly wall: number
}

/** Runs one session to its end. Fails where it did not do what the script says. */
export interface Contender {
  readonly name: string
  readonly server: Server
  run(script: Script): Promise<Session>
}

const prompt = "Tell me what time it is, as often as you like."

const measured = async (model: Server, id: string, script: Script): Promise<Measured> => {
  const result: Measured = JSON.parse(await send({ url: `${model.url}/sessions/${id}` }))
  if (result.requests !== script.turns + 1) {
    throw new Error(`a session of ${script.turns} turns asked the model ${result.requests} times`)
  }
  return result
}

export const hand = (server: Server, model: Server): Contender => ({
  name: "hand loop",
  server,
  async run(script) {
    const session = randomUUID()
    const body: Run = { session, baseUrl: `${model.url}/v1`, model: nameOf(script), prompt }
    const startedAt = performance.now()
    await send({ url: `${server.url}/run`, method: "POST", body })
    const wall = performance.now() - startedAt
    return { id: session, wall, ...(await measured(model, session, script)) }
  }
})

/** The session's last event. */
const idle = /^event: session\.status_idle\ndata: (.*)\n\n/m

export const ownloop = async (server: Server, model: Server, apiKey: string): Promise<Contender> => {
  const headers = { authorization: `Bearer ${apiKey}` }
  const post = async (path: string, body: unknown): Promise<{ readonly id: string }> =>
    JSON.parse(await send({ url: server.url + path, method: "POST", headers, body }))
  const environment = await post("/v1/environments", { name: "bench" })
  const agents = new Map<string, string>()
  const agentOf = async (model: string) => {
    const tools = [{ type: "agent_toolset_20260401" }]
    const id = agents.get(model) ?? (await post("/v1/agents", { name: model, model: `local/${model}`, tools })).id
    agents.set(model, id)
    return id
  }
  return {
    name: "Ownloop",
    server,
    async run(script) {
      const agent = await agentOf(nameOf(script))
      const startedAt = performance.now()
      const { id } = await post("/v1/sessions", {
        agent,
        environment_id: environment.id,
        initial_events: [{ type: "user.message", content: [{ type: "text", text: prompt }] }]
      })
      const stream = `${server.url}/v1/sessions/${id}/events/stream?event_deltas[]=agent.message`
      const text = await send({ url: stream, headers, until: (latest) => idle.test(latest) })
      const wall = performance.now() - startedAt
      if (!text.includes('"stop_reason":{"type":"end_turn"')) throw new Error(`a session stopped early: ${text}`)
      return { id, wall, ...(await measured(model, id, script)) }
    }
  }
}
