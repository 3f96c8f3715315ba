import { randomBytes } from "node:crypto"
import Anthropic from "@anthropic-ai/sdk"
import { createTestHarness } from "wrangler"
import { localConfig, root } from "../../scripts/config.ts"
import type { Task } from "../../src/domain/Task.ts"
import { apiKey, startSite } from "./worker.ts"

export const webhookSecret = `whsec_${randomBytes(24).toString("base64")}`

export interface Received {
  readonly headers: Record<string, string>
  readonly body: string
}

export interface Answer<A> {
  readonly status: number
  readonly body: A
}

/** What another Worker gets from its queue. */
interface Told {
  readonly data: Pick<Task, "id" | "idempotency_key" | "session_id" | "outcome"> & { readonly type: string }
}

/** Who receives webhooks. It answers what `answers` says, 200 where that is empty. */
export const startReceiver = async () => {
  const received: Array<Received> = []
  const answers: Array<number> = []
  const site = await startSite((request, response) => {
    let body = ""
    request.setEncoding("utf8")
    request.on("data", (piece: string) => (body += piece))
    request.on("end", () => {
      received.push({ headers: request.headers as Record<string, string>, body })
      response.writeHead(answers.shift() ?? 200, { location: "http://127.0.0.1:1/" }).end()
    })
  })
  return { ...site, received, answers }
}

/** The product's Worker with queues that deliver at once, and a second Worker that takes the outcomes sent to its queue. */
export const startTasks = async (vars: Record<string, string>) => {
  const config = localConfig({
    vars: { OWNLOOP_API_KEY: apiKey, OWNLOOP_MODEL: "demo", OWNLOOP_REPLY_QUEUES: "REPLIES", ...vars },
    without: ["build"]
  })
  const { producers, consumers } = config["queues"] as { producers: Array<object>; consumers: Array<object> }
  const queues = {
    producers: [...producers, { binding: "REPLIES", queue: "outcomes" }],
    consumers: consumers.map((consumer) => ({ ...consumer, max_batch_timeout: 0 }))
  }
  const server = createTestHarness({
    workers: [
      { config: { ...config, queues } },
      {
        config: {
          name: "outcomes",
          main: `${root}test/support/outcomes.worker.ts`,
          compatibility_date: config.compatibility_date,
          kv_namespaces: [{ binding: "KEPT", id: "kept" }],
          queues: { consumers: [{ queue: "outcomes", max_batch_size: 10, max_batch_timeout: 0 }] }
        }
      }
    ]
  })
  const { url } = await server.listen()
  const worker = server.getWorker(config.name)
  await worker.applyD1Migrations("CATALOG")
  const baseURL = url.href.replace(/\/$/, "")
  const client = new Anthropic({ baseURL, authToken: apiKey, apiKey: null })
  const environment = await client.beta.environments.create({ name: "tasks" })
  const agent = await client.beta.agents.create({
    name: "worker",
    model: "demo",
    tools: [{ type: "agent_toolset_20260401" }]
  })

  const call = async <A>(method: string, path: string, body?: unknown): Promise<Answer<A>> => {
    const response = await fetch(`${baseURL}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    return { status: response.status, body: (await response.json()) as A }
  }
  const get = async <A>(path: string) => (await call<A>("GET", path)).body
  const list = async <A>(path: string) => (await get<{ readonly data: ReadonlyArray<A> }>(path)).data

  return {
    worker,
    client,
    agent: agent.id,
    environment: environment.id,
    call,
    get,
    list,
    /** Asks until the answer is as expected. */
    until: async <A>(ask: () => Promise<A>, isExpected: (answer: A) => boolean): Promise<A> => {
      while (true) {
        const answer = await ask()
        if (isExpected(answer)) return answer
      }
    },
    task: (id: string) => get<Task>(`/v1/tasks/${id}`),
    outcomes: async () => (await (await server.getWorker("outcomes").fetch("/")).json()) as ReadonlyArray<Told>,
    tick: () => worker.scheduled({ cron: "* * * * *" }),
    close: () => server.close()
  }
}

export type TasksWorker = Awaited<ReturnType<typeof startTasks>>
