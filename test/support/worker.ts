import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import Anthropic from "@anthropic-ai/sdk"
import Anthropic0 from "anthropic-sdk-0"
import { Effect } from "effect"
import { createTestHarness } from "wrangler"
import { localConfig } from "../../scripts/config.ts"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import { runsAgain } from "./replayed.ts"

export const apiKey = "test-key"

/**
 * What leaves a Worker of the test harness is sent by this process's `fetch`, which is given the Worker's request as its options. It would
 * follow redirects behind the gateway's back: the runtime does that itself, where it is asked to.
 */
const send = globalThis.fetch
globalThis.fetch = (input, init) =>
  init !== undefined && "url" in init
    ? send(input, { ...parts(init as Request), redirect: "manual" })
    : send(input, init)

const parts = ({ method, headers, body, signal }: Request) => ({
  method,
  headers,
  body,
  signal,
  duplex: "half" as const
})

/** The product's Worker in workerd, with a catalog, and clients for it. */
export const startWorker = async (
  vars: Record<string, string> = {},
  machines?: NonNullable<Parameters<typeof localConfig>[0]>["machines"]
) => {
  const server = createTestHarness({
    workers: [
      {
        config: localConfig({
          vars: { OWNLOOP_API_KEY: apiKey, OWNLOOP_MODEL: "demo", ...vars },
          without: ["build"],
          ...(machines === undefined ? {} : { machines })
        })
      }
    ]
  })
  const { url } = await server.listen()
  const worker = server.getWorker()
  await worker.applyD1Migrations("CATALOG")
  const baseURL = url.href.replace(/\/$/, "")
  const client = new Anthropic({ baseURL, authToken: apiKey, apiKey: null })
  const get = (path: string) => fetch(`${baseURL}${path}`, { headers: { authorization: `Bearer ${apiKey}` } })
  /** Every session that the tests leave behind is exported, and must run again from its file as it did. */
  const replayAll = async () => {
    for await (const { id } of client.beta.sessions.list({ include_archived: true })) {
      const file = await (await get(`/v1/sessions/${id}/export`)).text()
      await Effect.runPromise(runsAgain(file))
    }
  }
  return {
    baseURL,
    worker,
    client,
    client0: new Anthropic0({ baseURL, authToken: apiKey, apiKey: null }),
    fetch: (path: string, init: Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> } = {}) =>
      fetch(`${baseURL}${path}`, { ...init, headers: { authorization: `Bearer ${apiKey}`, ...init.headers } }),
    /** What the Worker said so far. */
    logs: () => JSON.stringify(server.getLogs()),
    close: () => replayAll().finally(() => server.close())
  }
}

export type Worker = Awaited<ReturnType<typeof startWorker>>

/** A server on 127.0.0.1 that stands for the outside world. */
export const startSite = async (listener: RequestListener) => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections())
  }
}

/** The SDK knows one of the limits; the others are ours. */
type Budget = Anthropic.Beta.Sessions.BetaManagedAgentsBudgetLimit

/** Fields that the SDK's types do not know. */
const ours = (fields: object): object => fields

const toolset = { type: "agent_toolset_20260401" as const }
let count = 0

/** A session of its own agent and environment, which may reach the hosts given. */
export const startSession = async (
  { client }: Pick<Worker, "client">,
  options: {
    readonly model?: string
    readonly hosts?: ReadonlyArray<string>
    /** Every public host. */
    readonly unrestricted?: true
    /** Of the environment. */
    readonly policies?: ReadonlyArray<string>
    readonly backend?: "isolate" | "microvm"
    readonly tools?: ReadonlyArray<object>
    readonly budget?: object
    readonly vaults?: ReadonlyArray<string>
  } = {}
) => {
  const environment = await client.beta.environments.create({
    name: `environment ${++count}`,
    config: {
      type: "cloud",
      ...(options.backend === undefined ? {} : { backend: options.backend }),
      ...(options.unrestricted ? { networking: { type: "unrestricted" as const } } : {}),
      ...(options.hosts === undefined ? {} : { networking: { type: "limited", allowed_hosts: [...options.hosts] } }),
      ...ours({ policy_ids: options.policies ?? [] })
    }
  })
  const agent = await client.beta.agents.create({
    name: "agent",
    model: options.model ?? "demo",
    tools: (options.tools as Array<typeof toolset> | undefined) ?? [toolset]
  })
  const { id } = await client.beta.sessions.create({
    agent: agent.id,
    environment_id: environment.id,
    ...(options.budget === undefined ? {} : { budget: options.budget as Budget }),
    ...(options.vaults === undefined ? {} : { vault_ids: [...options.vaults] })
  })
  return {
    id,
    send: (text: string) =>
      client.beta.sessions.events.send(id, { events: [{ type: "user.message", content: [{ type: "text", text }] }] }),
    /** Everything up to the end of the turn that is running, or that ended unseen. */
    untilIdle: async () => {
      const events: Array<Anthropic.Beta.Sessions.BetaManagedAgentsStreamSessionEvents> = []
      for await (const event of await client.beta.sessions.events.stream(id)) {
        events.push(event)
        if (event.type === "session.status_idle") break
      }
      return events
    },
    /** Waits without a stream: one that is open keeps its object from being evicted. */
    settle: async () => {
      while ((await client.beta.sessions.retrieve(id)).status !== "idle");
    },
    /** The whole log. */
    events: async () => {
      const events: Array<Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent> = []
      for await (const event of client.beta.sessions.events.list(id, { order: "asc" })) events.push(event)
      return events
    },
    /** Once it is known of each request what came of it. */
    decisions: async (fetch: Worker["fetch"]) => {
      const read = async () =>
        (await (await fetch(`/v1/egress/decisions?session_id=${id}&limit=100`)).json()) as {
          readonly data: ReadonlyArray<EgressDecision>
        }
      let decisions = await read()
      while (!decisions.data.every(isOver)) decisions = await read()
      return decisions
    }
  }
}

/** Whether what came of a request has joined its record. */
export const isOver = ({ duration_ms, outcome, status }: EgressDecision) =>
  outcome === "blocked" || status !== null || duration_ms !== null

/** Why the last turn in these events stopped. */
export const stopReason = (events: ReadonlyArray<{ readonly type: string; readonly stop_reason?: unknown }>) => {
  const idle = events.findLast(({ type }) => type === "session.status_idle")
  return (idle?.stop_reason as { readonly type: string } | undefined)?.type // The SDK's union is too wide to narrow here.
}
