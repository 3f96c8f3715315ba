import { get } from "node:http"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { apiKey, startSession, startWorker, type Worker } from "./support/worker.ts"

/** Listeners that go away and come back, in the real Worker. */

let worker: Worker
beforeAll(async () => {
  worker = await startWorker()
})
afterAll(() => worker.close())

interface Frame {
  /** Place in the log. */
  readonly id?: number
  readonly event: string
  readonly data: { readonly type: string; readonly id?: string }
}

const places = (frames: ReadonlyArray<Frame>) => frames.flatMap(({ id }) => id ?? [])
const names = (frames: ReadonlyArray<Frame>) => frames.map(({ event }) => event)
const upTo = (length: number) => Array.from({ length }, (_, index) => index + 1)

const url = (session: string) => `/v1/sessions/${session}/events/stream`

/** Frames of a new stream up to the end of a turn; then the client is gone. */
const untilIdle = async (session: string, headers: Record<string, string> = {}): Promise<ReadonlyArray<Frame>> => {
  const response = await worker.fetch(url(session), { headers })
  let text = ""
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece
    if (/event: session\.status_idle\n.*\n\n/.test(text)) break
  }
  return [...text.matchAll(/(?:id: (\d+)\n)?event: (\S+)\ndata: (.*)\n\n/g)].map(([, id, event, data]) => ({
    ...(id === undefined ? {} : { id: Number(id) }),
    event: event!,
    data: JSON.parse(data!) as Frame["data"]
  }))
}

/** A WebSocket as a browser opens it. `next` answers one message after the other. */
const connect = async (session: string, query = "", protocols = ["ownloop", `ownloop.key.${apiKey}`]) => {
  const socket = new WebSocket(`${worker.baseURL.replace("http", "ws")}${url(session)}?${query}`, protocols)
  const messages: Array<string> = []
  let arrived = Promise.withResolvers<void>()
  socket.addEventListener("message", ({ data }) => {
    messages.push(String(data))
    arrived.resolve()
  })
  const closed = new Promise<string>((resolve) =>
    socket.addEventListener("close", ({ code, reason }) => resolve(`${code} ${reason}`), { once: true })
  )
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true })
    socket.addEventListener("error", () => reject(new Error("not connected")), { once: true })
  })
  const next = async () => {
    while (messages.length === 0) {
      await arrived.promise
      arrived = Promise.withResolvers()
    }
    return messages.shift()!
  }
  return {
    socket,
    closed,
    next,
    untilIdle: async () => {
      const frames: Array<Frame> = []
      while (frames.at(-1)?.event !== "session.status_idle") frames.push(JSON.parse(await next()) as Frame)
      return frames
    }
  }
}

describe("a stream that is opened again", () => {
  it("goes on after the Last-Event-ID: what happened meanwhile, and what comes, each event once", async () => {
    const session = await startSession(worker)
    await session.send("one")
    const seen = places(await untilIdle(session.id))
    await session.send("two")
    await session.settle()
    seen.push(...places(await untilIdle(session.id, { "last-event-id": String(seen.at(-1)) })))

    const live = untilIdle(session.id, { "last-event-id": String(seen.at(-1)) })
    await session.send("three")
    seen.push(...places(await live))
    assert.deepStrictEqual(seen, upTo(seen.length))
  })

  it("does so for the official SDK", async () => {
    const session = await startSession(worker)
    await session.send("one")
    const after = places(await untilIdle(session.id)).at(-1)
    const stream = await worker.client.beta.sessions.events.stream(
      session.id,
      {},
      { headers: { "Last-Event-ID": String(after) } }
    )
    await session.send("two")
    const types: Array<string> = []
    for await (const { type } of stream) {
      types.push(type)
      if (type === "session.status_idle") break
    }
    assert.deepStrictEqual(types.slice(0, 3), ["user.message", "session.status_running", "user.message"])
    assert.strictEqual(types.filter((type) => type === "agent.message").length, 1)
  })

  it("is refused where the client has seen another log", async () => {
    const { id } = await startSession(worker)
    const response = await worker.fetch(url(id), { headers: { "last-event-id": "1" } })
    assert.strictEqual(response.status, 400)
    assert.include(await response.text(), "last-event-id: 1 is ahead of the log")
  })
})

describe("a WebSocket", () => {
  it("outlives its object, misses nothing, and is told when its session is deleted", async () => {
    const session = await startSession(worker)
    const { socket, next, closed, untilIdle } = await connect(session.id, "event_deltas[]=agent.message")
    assert.strictEqual(socket.protocol, "ownloop")
    await session.send("one")
    const seen = await untilIdle()
    assert.includeMembers(names(seen), ["event_start", "event_delta", "agent.message"])
    await session.settle()
    await worker.worker.evictDurableObject("SESSIONS", { name: session.id, webSockets: "hibernate" })
    socket.send("ping")
    assert.strictEqual(await next(), "pong")
    await session.send("two")
    const more = await untilIdle()
    // The stand-in for a model is so fast that its answer may be whole before the socket could be shown a part of it.
    assert.include(names(more), "agent.message")
    assert.deepStrictEqual(places([...seen, ...more]), upTo(more.at(-1)!.id!))

    await worker.client.beta.sessions.delete(session.id)
    assert.include(await next(), '{"event":"session.deleted","data":{"type":"session.deleted"')
    assert.strictEqual(await closed, "1000 the session was deleted")
  })

  it("goes on after the place that its client names, and shows a socket and a stream the same", async () => {
    const session = await startSession(worker)
    await session.send("one")
    const stream = (await untilIdle(session.id)).filter(({ id }) => id !== undefined)
    const { socket, closed, untilIdle: socketUntilIdle } = await connect(session.id, "last_event_id=2")
    assert.deepStrictEqual(await socketUntilIdle(), stream.slice(2))
    socket.close(1000)
    assert.match(await closed, /^1000/)
  })

  it("takes no messages", async () => {
    const { id } = await startSession(worker)
    const { socket, closed } = await connect(id)
    socket.send("hello")
    assert.strictEqual(await closed, '1003 the only message that this socket takes is "ping"')
  })

  it("is refused as a request is", async () => {
    const { id } = await startSession(worker)
    const refusal = (path: string, key: string) =>
      new Promise<unknown>((resolve, reject) => {
        const headers = { connection: "Upgrade", upgrade: "websocket", "x-api-key": key }
        get(`${worker.baseURL}${path}`, { headers }, (response) => resolve(response.statusCode)).on("error", reject)
      })
    assert.strictEqual(await refusal(url(id), "wrong"), 401)
    assert.strictEqual(await refusal(url("sesn_1"), apiKey), 404)
    assert.strictEqual(await refusal(`${url(id)}?last_event_id=1`, apiKey), 400)
  })
})
