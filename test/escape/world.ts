import { randomBytes } from "node:crypto"
import { createSocket } from "node:dgram"
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http"
import { type AddressInfo, createServer } from "node:net"
import { gzipSync } from "node:zlib"
import { startCollector } from "../support/collector.ts"
import { startScriptedModel, tool } from "../support/scriptedModel.ts"
import { startSecureSite } from "../support/site.ts"
import { startSession, startWorker, type Worker } from "../support/worker.ts"
import { type echoes } from "./attempts.ts"

/** A deployment whose agents try to get out, a server that they may ask, and one that they may not. */

/** Values that no agent, log or store may ever hold. */
export const makeSecrets = () => ({
  root: randomBytes(32).toString("base64"),
  variable: `var-secret-${randomBytes(12).toString("hex")}`,
  header: `head-secret-${randomBytes(12).toString("hex")}`,
  model: `model-secret-${randomBytes(12).toString("hex")}`,
  webhook: `whsec_${randomBytes(24).toString("base64")}`,
  collector: `collector-secret-${randomBytes(12).toString("hex")}`
})

/** A server that listens on every address, to whom every connection and every datagram counts. */
export const startAttacker = async () => {
  const visits: Array<string> = []
  const http = createHttp((request, response) => {
    visits.push(`${request.method} ${request.url}`)
    response.end("ESCAPED")
  })
  const server = createServer((socket) => {
    visits.push("a connection")
    socket.on("error", () => {})
    socket.once("data", (first) => {
      visits.push(first.toString("latin1"))
      socket.unshift(first)
      http.emit("connection", socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve))
  const { port } = server.address() as AddressInfo
  const udp = createSocket("udp4", (message, from) => {
    visits.push(`a datagram: ${String(message)}`)
    udp.send("ESCAPED", from.port, from.address)
  })
  await new Promise<void>((resolve) => udp.bind(port, "0.0.0.0", () => resolve()))
  return {
    port,
    visits,
    close: async () => {
      udp.close()
      http.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

/** Says again what it was sent, in the way that the path asks for. */
const echo = (request: IncomingMessage, response: ServerResponse) => {
  const url = new URL(request.url ?? "", "https://site")
  const said = String(request.headers["x-key"] ?? request.headers.authorization ?? "")
  const ways: Record<(typeof echoes)[number], () => void> = {
    plain: () => response.end(said),
    header: () => response.setHeader("x-said", said).end(),
    cookie: () => response.setHeader("set-cookie", `said=${said}`).end(),
    json: () => response.end(JSON.stringify({ said, headers: request.rawHeaders })),
    base64: () => response.end(btoa(said)),
    url: () => response.end(encodeURIComponent(said)),
    pieces: () => {
      response.write(said.slice(0, 15))
      setImmediate(() => response.end(said.slice(15)))
    },
    gzip: () => response.setHeader("content-encoding", "gzip").end(gzipSync(said)),
    status: () => response.writeHead(500, said).end(said),
    redirect: () => response.writeHead(302, { location: `/ok?said=${encodeURIComponent(said)}` }).end()
  }
  if (url.pathname === "/redirect")
    return response.writeHead(302, { location: url.searchParams.get("to") ?? "/" }).end()
  const way = Object.entries(ways).find(([name]) => url.pathname === `/echo/${name}`)?.[1]
  return way === undefined ? response.end("ok") : way()
}

export const startWorld = async () => {
  const secrets = makeSecrets()
  const model = await startScriptedModel()
  const site = await startSecureSite((request, response) => void echo(request, response))
  const attacker = await startAttacker()
  const collector = await startCollector()
  const worker = await startWorker({
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: secrets.model,
    OWNLOOP_ROOT_KEY: `test:${secrets.root}`,
    OWNLOOP_WEBHOOK_SECRET: secrets.webhook,
    OWNLOOP_WEBHOOK_HOSTS: site.host,
    OTLP_URL: collector.url,
    OTLP_HEADERS: `authorization=${secrets.collector}`,
    OWNLOOP_TRACE_CONTENT: "1"
  })
  return {
    secrets: Object.values(secrets),
    model,
    collector,
    site,
    attacker,
    worker,
    /** Those that were run. */
    sessions: [] as Array<string>,
    vault: await vaultOf(worker, secrets, site.host),
    close: () =>
      worker.close().finally(() => Promise.all([model.close(), site.close(), attacker.close(), collector.close()]))
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** A variable and a header for one host. */
export const vaultOf = async (
  worker: Worker,
  secrets: ReturnType<typeof makeSecrets>,
  host: string
): Promise<string> => {
  const { vaults } = worker.client.beta
  const { id } = await vaults.create({ display_name: "escape" })
  const networking = { type: "limited", allowed_hosts: [host] }
  for (const auth of [
    {
      type: "environment_variable",
      secret_name: "TOKEN",
      secret_value: secrets.variable,
      networking,
      injection_location: { header: true, body: true }
    },
    { type: "http_header", header_name: "X-Key", secret_value: secrets.header, networking }
  ]) {
    // Some of it is ours, and not in the SDK's types.
    await vaults.credentials.create(id, { auth } as unknown as Parameters<typeof vaults.credentials.create>[1])
  }
  return id
}

/** Runs each command in one session, and answers what its agent was shown of each, and the audit. */
export const runAll = async (
  { model, worker, vault }: Pick<World, "model" | "worker" | "vault">,
  options: NonNullable<Parameters<typeof startSession>[1]>,
  calls: ReadonlyArray<{ readonly name: string; readonly input: unknown }>
) => {
  const script = calls.map(({ name, input }) => tool(name, input))
  const session = await startSession(worker, {
    ...options,
    model: model.scripted(...script, { text: "done" }),
    vaults: [vault]
  })
  await session.send("go")
  await session.untilIdle()
  const log = await session.events()
  const uses = log.flatMap((event) => (event.type === "agent.tool_use" ? [event.id] : []))
  const results = log.flatMap((event) =>
    event.type === "agent.tool_result"
      ? [(event.content ?? []).map((block) => ("text" in block ? block.text : "")).join("")]
      : []
  )
  const { data } = await session.decisions(worker.fetch)
  return {
    id: session.id,
    log,
    results,
    /** What the audit has of each call. */
    decisions: uses.map((id) => data.filter(({ tool_use_id }) => tool_use_id === id))
  }
}
