import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Memory from "../../layers/storage/CatalogMemory.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { Task } from "../../src/domain/Task.ts"
import { agent, environment } from "../support/records.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

const catalog = Layer.effectDiscard(
  Effect.gen(function* () {
    const { addAgentVersion, putEnvironment } = yield* Catalog
    yield* addAgentVersion(agent("1"))
    yield* addAgentVersion(agent("2"))
    yield* putEnvironment(environment("1"))
  })
).pipe(Layer.provideMerge(Memory.layer), Layer.orDie)

const make = (config: Record<string, string> = {}) =>
  TestApi.make({ catalog, triggers: { config, queues: { REPLIES: () => Promise.resolve() } } })

const body = { agent: "agent_1", environment_id: "env_1", input: "Go" }

describe("POST /v1/tasks", () => {
  it.effect("starts a session with what it was told, and answers the same key with the same task", () =>
    Effect.gen(function* () {
      const api = yield* make()
      const first = yield* api.post<Task>("/v1/tasks", { ...body, idempotency_key: "k", metadata: { a: "b" } })
      assert.strictEqual(first.status, 200)
      assert.include(first.body, { type: "task", status: "claimed", idempotency_key: "k", attempt: 1 })
      const again = yield* api.post<Task>("/v1/tasks", {
        agent: "agent_2",
        input: "else",
        environment_id: "env_1",
        idempotency_key: "k"
      })
      assert.strictEqual(again.body.id, first.body.id)
      const session = api.sessions.sessions.get(first.body.session_id!)
      assert.deepInclude(session?.record, { task_id: first.body.id, metadata: { a: "b" } })
      assert.deepInclude(session?.log[0], { type: "user.message", content: [{ type: "text", text: "Go" }] })
      assert.strictEqual(api.sessions.sessions.size, 1)
      assert.deepStrictEqual((yield* api.get<Task>(`/v1/tasks/${first.body.id}`)).body, again.body)
    })
  )

  it.effect("without a key is a task of its own", () =>
    Effect.gen(function* () {
      const api = yield* make()
      const [one, two] = [yield* api.post<Task>("/v1/tasks", body), yield* api.post<Task>("/v1/tasks", body)]
      assert.notStrictEqual(one.body.id, two.body.id)
    })
  )

  it.effect("keeps no more running than may, of one agent and in all", () =>
    Effect.gen(function* () {
      const api = yield* make({ OWNLOOP_MAX_TASKS: "3", OWNLOOP_MAX_TASKS_PER_AGENT: "2" })
      for (const agent of ["agent_1", "agent_1", "agent_1", "agent_2", "agent_2"]) {
        yield* api.post("/v1/tasks", { ...body, agent })
      }
      const { data } = (yield* api.get<TestApi.Page<Task>>("/v1/tasks?statuses[]=claimed")).body
      assert.deepStrictEqual(data.map(({ agent }) => agent.id).toSorted(), ["agent_1", "agent_1", "agent_2"])
      const queued = (yield* api.get<TestApi.Page<Task>>("/v1/tasks?statuses=queued&agent_id=agent_2")).body
      assert.lengthOf(queued.data, 1)
      // One that is cancelled while it is queued never has a session.
      const cancelled = yield* api.post<Task>(`/v1/tasks/${queued.data[0]!.id}/cancel`)
      assert.include(cancelled.body, { status: "cancelled", session_id: null })
      assert.strictEqual(api.sessions.sessions.size, 3)
      assert.include((yield* api.post<Task>(`/v1/tasks/${queued.data[0]!.id}/retry`)).body, {
        status: "queued",
        attempt: 2,
        outcome: null
      })
    })
  )

  for (const [name, input, expected] of [
    ["no agent", { input: "Go" }, /^400 .*agent: is required/],
    ["neither input nor events", { agent: "agent_1" }, /^400 .*input: one of input and initial_events is required/],
    [
      "both",
      { ...body, initial_events: [{ type: "user.message", content: [{ type: "text", text: "x" }] }] },
      /^400 .*input: one of input and initial_events/
    ],
    ["a deadline that is none", { ...body, deadline: "soon" }, /^400 .*deadline/],
    ["a budget without limits", { ...body, budget: { type: "limit" } }, /^400 .*budget: expected one limit/],
    ["too much of it", { ...body, input: "x".repeat(100_001) }, /^400 .*is longer than 100000 characters/],
    [
      "a queue that is not there",
      { ...body, reply_to: { type: "queue", queue: "TASKS" } },
      /^400 .*reply_to\.queue: TASKS is no queue.*there are: REPLIES/
    ],
    [
      "a webhook, with no secret",
      { ...body, reply_to: { type: "webhook", url: "https://example.com/" } },
      /^400 .*OWNLOOP_WEBHOOK_SECRET is not set/
    ],
    [
      "no environment",
      { agent: "agent_1", input: "Go" },
      /^400 .*environment_id: is required, since OWNLOOP_TASK_ENVIRONMENT/
    ]
  ] as const) {
    it.effect(`refuses ${name}`, () =>
      Effect.gen(function* () {
        const api = yield* make({ OWNLOOP_REPLY_QUEUES: "REPLIES" })
        assert.match(errorOf(yield* api.post("/v1/tasks", input)), expected)
        assert.deepStrictEqual((yield* api.get<TestApi.Page<Task>>("/v1/tasks")).body.data, [])
      })
    )
  }

  it.effect("uses the deployment's environment where the task names none", () =>
    Effect.gen(function* () {
      const api = yield* make({ OWNLOOP_TASK_ENVIRONMENT: "env_1" })
      const { body } = yield* api.post<Task>("/v1/tasks", {
        agent: { type: "agent", id: "agent_1", version: 1 },
        input: "Go"
      })
      assert.include(body, { status: "claimed", environment_id: "env_1" })
    })
  )
})

describe("a task that has ended", () => {
  it.effect("cannot be cancelled; one that has not ended badly cannot be retried", () =>
    Effect.gen(function* () {
      const api = yield* make()
      const failed = yield* api.post<Task>("/v1/tasks", { ...body, agent: "agent_none" })
      assert.include(failed.body, { status: "failed" })
      assert.match(
        errorOf(yield* api.post(`/v1/tasks/${failed.body.id}/cancel`)),
        /^409 .*has ended already: it is failed/
      )
      const claimed = yield* api.post<Task>("/v1/tasks", body)
      assert.match(
        errorOf(yield* api.post(`/v1/tasks/${claimed.body.id}/retry`)),
        /^409 .*is claimed: only a task that/
      )
      for (const path of ["", "/cancel", "/retry"]) {
        const answer = path === "" ? api.get("/v1/tasks/task_none") : api.post(`/v1/tasks/task_none${path}`)
        assert.match(errorOf(yield* answer), /^404 .*task task_none does not exist/)
      }
    })
  )
})
