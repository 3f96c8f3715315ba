import { randomBytes } from "node:crypto"
import type { Delivery } from "../../src/domain/Delivery.ts"
import type { Task } from "../../src/domain/Task.ts"
import { tool } from "../support/scriptedModel.ts"
import type { World } from "./world.ts"

/** A task whose session a person must allow to send a request, and whose outcome goes to a webhook. */
export const runTask = async ({ model, site, vault, worker }: World, command: string) => {
  const { client } = worker
  const call = async <A>(path: string, body?: object): Promise<A> => {
    const headers = { "content-type": "application/json" }
    const response = await worker.fetch(
      path,
      body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) }
    )
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    return (await response.json()) as A
  }
  const untilIs = async <A>(path: string, is: (answer: A) => boolean): Promise<A> => {
    while (true) {
      const answer = await call<A>(path)
      if (is(answer)) return answer
    }
  }
  const [host, port] = site.host.split(":")
  const policy = await call<{ readonly id: string }>("/v1/policies", {
    name: "asks",
    rules: [{ effect: "ask", host, port: Number(port) }]
  })
  const environment = await call<{ readonly id: string }>("/v1/environments", {
    name: "asks",
    config: { type: "cloud", policy_ids: [policy.id] }
  })
  const send = tool("bash", { command })
  const agent = await client.beta.agents.create({
    name: "agent",
    model: model.scripted(send, send, { text: "done" }),
    tools: [{ type: "agent_toolset_20260401" }]
  })
  /** Whoever has the URL may call it, as of many services. */
  const webhook = `hook-secret-${randomBytes(12).toString("hex")}`
  const { id } = await call<Task>("/v1/tasks", {
    agent: agent.id,
    environment_id: environment.id,
    vault_ids: [vault],
    input: "go",
    idempotency_key: "asks",
    reply_to: { type: "webhook", url: `${site.url}/hook?token=${webhook}` }
  })
  const waiting = await untilIs<Task>(`/v1/tasks/${id}`, ({ status }) => status === "waiting")
  const session = waiting.session_id!
  const log = `/v1/sessions/${session}/events`
  const { data } = await call<{ readonly data: ReadonlyArray<{ readonly id: string; readonly name?: string }> }>(log)
  const question = data.find(({ name }) => name === "egress_request")!
  await call(log, { events: [{ type: "user.tool_confirmation", tool_use_id: question.id, result: "allow" }] })
  const { status } = await untilIs<Task>(`/v1/tasks/${id}`, ({ outcome }) => outcome !== null)
  const { data: deliveries } = await untilIs<{ readonly data: ReadonlyArray<Delivery> }>(
    `/v1/deliveries?task_id=${id}`,
    ({ data }) => data.length > 0 && data.every(({ status }) => status !== "pending")
  )
  return { session, status, webhook, deliveries: deliveries.map(({ status }) => status) }
}
