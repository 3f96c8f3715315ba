import Anthropic1 from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import Anthropic0 from "anthropic-sdk-0"
import { Effect, Stream } from "effect"
import * as TestApi from "./TestApi.ts"

interface Connection {
  readonly baseURL: string
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  readonly maxRetries: number
}

const connect = {
  "1.12.0": (options: Connection) => new Anthropic1({ ...options, authToken: TestApi.key, apiKey: null }),
  "1.12.0, its apiKey": (options: Connection) => new Anthropic1({ ...options, apiKey: TestApi.key }),
  // The calls below are the same in both, and so the types of the one do for the other.
  "0.120.0": (options: Connection) =>
    new Anthropic0({ ...options, authToken: TestApi.key, apiKey: null }) as unknown as Anthropic1,
  "0.120.0, its apiKey": (options: Connection) =>
    new Anthropic0({ ...options, apiKey: TestApi.key }) as unknown as Anthropic1
}

const messages = (...texts: ReadonlyArray<string>) =>
  texts.map((text) => ({ type: "user.message" as const, content: [{ type: "text" as const, text }] }))

describe.each(Object.entries(connect))("the official SDK %s", (_, connect) => {
  const prepared = Effect.gen(function* () {
    const api = yield* TestApi.make()
    const requests: Array<Request> = []
    const fetch: Connection["fetch"] = (input, init) => {
      requests.push(new Request(input, init))
      return api.fetch(input, init)
    }
    return { api, requests, client: connect({ baseURL: "http://ownloop.test", fetch, maxRetries: 2 }).beta }
  })

  it.effect("manages agents", () =>
    Effect.gen(function* () {
      const { client } = yield* prepared
      yield* Effect.promise(async () => {
        const agent = await client.agents.create({
          name: "Counter",
          model: { id: "@cf/zai-org/glm-5.2", effort: "high" },
          system: "Count.",
          tools: [
            { type: "agent_toolset_20260401", configs: [{ name: "bash", permission_policy: { type: "always_ask" } }] },
            { type: "custom", name: "get_weather", description: "d", input_schema: { type: "object", properties: {} } }
          ]
        })
        const updated = await client.agents.update(agent.id, { version: agent.version, description: "counts" })
        assert.strictEqual(updated.version, 2)
        assert.deepEqual<unknown>(updated.model.effort, { type: "high" })
        assert.deepEqual(await client.agents.retrieve(agent.id), updated)
        assert.deepEqual(await client.agents.retrieve(agent.id, { version: 1 }), agent)
        const versions: Array<number> = []
        for await (const { version } of client.agents.versions.list(agent.id, { limit: 1 })) versions.push(version)
        assert.deepStrictEqual(versions, [2, 1])
        assert.isString((await client.agents.archive(agent.id)).archived_at)
        for await (const _ of client.agents.list()) assert.fail("an archived agent is listed")
        const all = await client.agents.list({ include_archived: true })
        assert.deepStrictEqual(
          all.data.map(({ id }) => id),
          [agent.id]
        )
      })
    })
  )

  it.effect("manages environments", () =>
    Effect.gen(function* () {
      const { client } = yield* prepared
      yield* Effect.promise(async () => {
        for (const name of ["a", "b", "c"]) {
          await client.environments.create({
            name,
            config: { type: "cloud", networking: { type: "limited", allowed_hosts: ["example.com"] }, packages: {} }
          })
        }
        const listed = []
        for await (const environment of client.environments.list({ limit: 2 })) listed.push(environment)
        assert.deepStrictEqual(
          listed.map(({ name }) => name),
          ["c", "b", "a"]
        )
        const [environment] = listed
        if (environment?.config.type !== "cloud") return assert.fail("not a cloud environment")
        assert.deepStrictEqual(environment.config.packages.pip, [])
        const renamed = await client.environments.update(environment.id, { name: "d", description: "x" })
        assert.deepEqual(await client.environments.retrieve(environment.id), renamed)
        assert.isString((await client.environments.archive(environment.id)).archived_at)
        assert.strictEqual((await client.environments.delete(environment.id)).type, "environment_deleted")
      })
    })
  )

  it.effect("manages sessions and their events", () =>
    Effect.gen(function* () {
      const { api, client } = yield* prepared
      api.sessions.frames = Stream.make(
        'event: event_start\ndata: {"type":"event_start","event":{"type":"agent.message","id":"sevt_9"}}\n\n',
        'event: session.status_idle\ndata: {"type":"session.status_idle","id":"sevt_10"}\n\n'
      )
      yield* Effect.promise(async () => {
        const { id: environment_id } = await client.environments.create({ name: "dev" })
        const agent = await client.agents.create({ name: "Counter", model: "demo" })
        const create = (title: string) => client.sessions.create({ agent: agent.id, environment_id, title })
        const [first] = [await create("a"), await create("b"), await create("c")]

        const titles: Array<string | null> = []
        const query = { agent_id: agent.id, statuses: ["idle" as const, "running" as const], limit: 2 }
        for await (const { title } of client.sessions.list(query)) titles.push(title)
        assert.deepStrictEqual(titles, ["c", "b", "a"])

        const sent = await client.sessions.events.send(first.id, { events: messages("1", "2", "3") })
        assert.strictEqual(sent.data?.length, 3)
        const events: Array<string> = []
        const filter = { types: ["user.message" as const], limit: 2, "created_at[gt]": "2026-11-22T16:01:00Z" }
        for await (const { id } of client.sessions.events.list(first.id, filter)) events.push(id)
        assert.deepStrictEqual(events, ["sevt_2", "sevt_3"])

        const frames: Array<string> = []
        const stream = await client.sessions.events.stream(first.id, { event_deltas: ["agent.message"] })
        for await (const { type } of stream) frames.push(type)
        assert.deepStrictEqual(frames, ["event_start", "session.status_idle"])
        assert.deepStrictEqual(
          api.sessions.streams.flatMap(({ deltas }) => [...deltas]),
          ["agent.message"]
        )

        assert.strictEqual((await client.sessions.update(first.id, { title: "z" })).title, "z")
        assert.strictEqual((await client.sessions.retrieve(first.id)).title, "z")
        assert.isString((await client.sessions.archive(first.id)).archived_at)
        assert.strictEqual((await client.sessions.delete(first.id)).type, "session_deleted")
      })
    })
  )

  it.effect("sees errors as its own, and does not ask again after a conflict", () =>
    Effect.gen(function* () {
      const { client, requests } = yield* prepared
      yield* Effect.promise(async () => {
        const { id } = await client.agents.create({ name: "a", model: "demo" })
        requests.length = 0
        const conflict = await client.agents.update(id, { name: "b", version: 7 }).catch((error: unknown) => error)
        assert.include(String(conflict), `409 {"type":"error"`)
        assert.include(String(conflict), `agent ${id} is at version 1, not 7`)
        assert.propertyVal(conflict, "status", 409)
        assert.match(Reflect.get(Object(conflict), "requestID"), /^req_/)
        assert.lengthOf(requests, 1)
        const missing = await client.agents.retrieve("agent_none").catch((error: unknown) => error)
        assert.propertyVal(missing, "status", 404)
        const invalid = await client.agents.create({ name: "", model: "demo" }).catch((error: unknown) => error)
        assert.include(String(invalid), "name: expected a value with a length of at least 1")
      })
    })
  )
})
