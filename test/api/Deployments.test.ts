import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Memory from "../../layers/storage/CatalogMemory.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { DeploymentView } from "../../src/api/Deployments.ts"
import type { DeploymentRun } from "../../src/domain/Deployment.ts"
import type { Session } from "../../src/domain/Session.ts"
import type { Task } from "../../src/domain/Task.ts"
import { agent, environment, vault } from "../support/records.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

const catalog = Layer.effectDiscard(
  Effect.gen(function* () {
    const { addAgentVersion, putEnvironment } = yield* Catalog
    yield* addAgentVersion(agent("1"))
    yield* addAgentVersion(agent("1", { version: 2 }))
    yield* addAgentVersion(agent("2", { archived_at: "2026-11-22T16:42:00.000Z" }))
    yield* addAgentVersion(
      agent("3", {
        tools: [{ type: "custom", name: "structured_output", description: "d", input_schema: { type: "object" } }]
      })
    )
    yield* putEnvironment(environment("1"))
  })
).pipe(Layer.provideMerge(Memory.layer), Layer.orDie)

const make = Effect.gen(function* () {
  yield* TestClock.setTime(Date.parse("2026-11-24T12:00:00Z"))
  const api = yield* TestApi.make({ catalog, clock: yield* Clock.Clock })
  yield* api.vaults.putVault(vault("1"))
  yield* api.vaults.putVault(vault("2", { archived_at: "2026-11-22T16:42:00.000Z" }))
  return api
})

const cron = { type: "cron", expression: "0 9 * * 1-5", timezone: "Europe/Berlin" }

const input = {
  name: "daily",
  agent: "agent_1",
  environment_id: "env_1",
  initial_events: [{ type: "user.message", content: [{ type: "text", text: "Go" }] }],
  schedule: cron
}

const create = (api: TestApi.TestApi, fields: object = {}) =>
  Effect.map(api.post<DeploymentView>("/v1/deployments", { ...input, ...fields }), ({ body }) => body)

describe("POST /v1/deployments", () => {
  it.effect("answers the deployment with the times of its schedule, and pins the agent's newest version", () =>
    Effect.gen(function* () {
      const api = yield* make
      const made = yield* create(api, { vault_ids: ["vlt_1"], metadata: { team: "a" } })
      assert.deepStrictEqual(made, {
        type: "deployment",
        id: made.id,
        name: "daily",
        description: null,
        agent: { type: "agent", id: "agent_1", version: 2 },
        environment_id: "env_1",
        initial_events: [{ type: "user.message", content: [{ type: "text", text: "Go" }] }],
        metadata: { team: "a" },
        resources: [],
        vault_ids: ["vlt_1"],
        budget: null,
        schedule: {
          type: "cron",
          expression: "0 9 * * 1-5",
          timezone: "Europe/Berlin",
          overlap_policy: "skip",
          catch_up_policy: "latest",
          jitter_seconds: 0,
          last_run_at: null,
          upcoming_runs_at: [
            "2026-11-25T08:00:00.000Z",
            "2026-11-26T08:00:00.000Z",
            "2026-11-27T08:00:00.000Z",
            "2026-11-30T08:00:00.000Z",
            "2026-12-01T08:00:00.000Z"
          ]
        },
        status: "active",
        paused_reason: null,
        created_at: "2026-11-24T12:00:00.000Z",
        updated_at: "2026-11-24T12:00:00.000Z",
        archived_at: null
      } as unknown as DeploymentView)
      assert.match(made.id, /^depl_/)
      assert.deepStrictEqual((yield* api.get(`/v1/deployments/${made.id}`)).body, made)
      const manual = yield* create(api, { schedule: null, agent: { type: "agent", id: "agent_1", version: 1 } })
      assert.deepInclude(manual, { schedule: null, agent: { type: "agent", id: "agent_1", version: 1 } })
    })
  )

  for (const [name, fields, expected] of [
    ["no name", { name: "" }, /^400 .*name/],
    ["no events", { initial_events: [] }, /^400 .*initial_events/],
    [
      "an outcome",
      { initial_events: [{ type: "user.define_outcome" }] },
      /^400 .*user\.define_outcome is not supported yet/
    ],
    [
      "a system message",
      { initial_events: [{ type: "system.message" }] },
      /^400 .*system\.message is not supported yet/
    ],
    ["resources", { resources: [{ type: "file", file_id: "file_1" }] }, /^400 .*resources: is not supported yet/],
    [
      "seconds",
      { schedule: { ...cron, expression: "0 0 9 * * *" } },
      /^400 .*schedule\.expression: expected five fields/
    ],
    [
      "a shortcut",
      { schedule: { ...cron, expression: "@daily" } },
      /^400 .*schedule\.expression: expected five fields/
    ],
    [
      "a minute that is none",
      { schedule: { ...cron, expression: "75 9 * * *" } },
      /^400 .*schedule\.expression: is no cron expression/
    ],
    [
      "a day that never comes",
      { schedule: { ...cron, expression: "0 9 30 2 *" } },
      /^400 .*schedule\.expression: never comes/
    ],
    [
      "a time zone that is none",
      { schedule: { ...cron, timezone: "Mars/Olympus" } },
      /^400 .*schedule\.timezone: Mars\/Olympus is no time zone/
    ],
    ["no time zone", { schedule: { type: "cron", expression: "0 9 * * *" } }, /^400 .*schedule\.timezone: is required/],
    ["a policy that is none", { schedule: { ...cron, overlap_policy: "allow" } }, /^400 .*schedule\.overlap_policy/],
    ["too much jitter", { schedule: { ...cron, jitter_seconds: 3_601 } }, /^400 .*schedule\.jitter_seconds/],
    ["an agent that is not there", { agent: "agent_none" }, /^404 .*agent: agent agent_none does not exist/],
    ["a version that is not there", { agent: { type: "agent", id: "agent_1", version: 9 } }, /^404 .*version 9/],
    ["an archived agent", { agent: "agent_2" }, /^409 .*agent: agent agent_2 is archived/],
    ["no such environment", { environment_id: "env_none" }, /^404 .*environment_id/],
    ["an archived vault", { vault_ids: ["vlt_2"] }, /^409 .*vault_ids\[0\]: vault vlt_2 is archived/],
    ["a vault that is not there", { vault_ids: ["vlt_1", "vlt_3"] }, /^404 .*vault_ids\[1\]/],
    [
      "a form that the agent has no room for",
      { agent: "agent_3", output_config: { format: { type: "json_schema", schema: { type: "object" } } } },
      /^400 .*output_config: agent\.tools\[0\]\.name is structured_output/
    ]
  ] as const) {
    it.effect(`refuses ${name}`, () =>
      Effect.gen(function* () {
        const api = yield* make
        assert.match(errorOf(yield* api.post("/v1/deployments", { ...input, ...fields })), expected)
        assert.deepStrictEqual((yield* api.get<TestApi.Page<DeploymentView>>("/v1/deployments")).body.data, [])
      })
    )
  }
})

describe("a deployment", () => {
  it.effect("is changed field by field, and what is changed is checked", () =>
    Effect.gen(function* () {
      const api = yield* make
      const { id } = yield* create(api, { description: "old", vault_ids: ["vlt_1"], metadata: { a: "1", b: "2" } })
      const update = (change: object) => api.post<DeploymentView>(`/v1/deployments/${id}`, change)
      const { body: renamed } = yield* update({ name: "new", metadata: { a: null, c: "3" } })
      assert.deepInclude(renamed, {
        name: "new",
        description: "old",
        vault_ids: ["vlt_1"],
        metadata: { b: "2", c: "3" }
      })
      assert.deepInclude(renamed.agent, { version: 2 })
      assert.isAbove(Date.parse(renamed.updated_at), Date.parse(renamed.created_at))
      const { body: cleared } = yield* update({ description: "", vault_ids: null, schedule: null })
      assert.deepInclude(cleared, { description: null, vault_ids: [], schedule: null })
      assert.match(errorOf(yield* update({ agent: "agent_2" })), /^409/)
      assert.match(errorOf(yield* update({ schedule: { ...cron, timezone: "x" } })), /^400 .*schedule\.timezone/)
      assert.match(
        errorOf(yield* api.post("/v1/deployments/depl_none", {})),
        /^404 .*deployment depl_none does not exist/
      )
    })
  )

  it.effect("says when it would run while it is paused, and runs no more once it is archived", () =>
    Effect.gen(function* () {
      const api = yield* make
      const { id } = yield* create(api)
      const act = (action: string) => api.post<DeploymentView>(`/v1/deployments/${id}/${action}`)
      const { body: paused } = yield* act("pause")
      assert.deepInclude(paused, { status: "paused", paused_reason: { type: "manual" } })
      assert.lengthOf(paused.schedule?.upcoming_runs_at ?? [], 5)
      assert.deepStrictEqual((yield* act("pause")).body, paused)
      const { body: again } = yield* act("unpause")
      assert.deepInclude(again, { status: "active", paused_reason: null })
      yield* act("pause")
      const { body: archived } = yield* act("archive")
      assert.deepInclude(archived, { status: "active", paused_reason: null })
      assert.isString(archived.archived_at)
      assert.deepStrictEqual(archived.schedule?.upcoming_runs_at, [])
      assert.deepStrictEqual((yield* act("archive")).body, archived)
      for (const action of ["pause", "unpause", "run"]) {
        assert.match(errorOf(yield* act(action)), new RegExp(`^409 .*deployment ${id} is archived`))
      }
      assert.match(errorOf(yield* api.post(`/v1/deployments/${id}`, { name: "x" })), /^409/)
    })
  )

  it.effect("is listed by what it has", () =>
    Effect.gen(function* () {
      const api = yield* make
      const ids: Array<string> = []
      for (const agent of ["agent_1", "agent_3"]) ids.unshift((yield* create(api, { agent })).id)
      const archived = yield* create(api)
      yield* api.post(`/v1/deployments/${archived.id}/archive`)
      yield* api.post(`/v1/deployments/${ids[0]}/pause`)
      const list = (query: string) =>
        Effect.map(api.get<TestApi.Page<DeploymentView>>(`/v1/deployments${query}`), ({ body }) =>
          body.data.map(({ id }) => id)
        )
      assert.deepStrictEqual(yield* list(""), ids)
      assert.deepStrictEqual(yield* list("?include_archived=true"), [archived.id, ...ids])
      assert.deepStrictEqual(yield* list("?status=paused"), [ids[0]])
      assert.deepStrictEqual(yield* list("?agent_id=agent_1"), [ids[1]])
      assert.deepStrictEqual(yield* list("?created_at[gte]=2026-11-24T12:00:01Z"), [])
      assert.match(
        errorOf(yield* api.get("/v1/deployments?status=paused&include_archived=true")),
        /^400 .*status: cannot be combined with include_archived/
      )
    })
  )
})

describe("a run that somebody asks for", () => {
  it.effect("has a session with what the deployment says, also while it is paused", () =>
    Effect.gen(function* () {
      const api = yield* make
      const output_config = { format: { type: "json_schema", schema: { type: "object" } } }
      const { id } = yield* create(api, { vault_ids: ["vlt_1"], output_config })
      yield* api.post(`/v1/deployments/${id}/pause`)
      const { body: run } = yield* api.post<DeploymentRun>(`/v1/deployments/${id}/run`)
      assert.deepInclude(run, {
        type: "deployment_run",
        deployment_id: id,
        agent: { type: "agent", id: "agent_1", version: 2 },
        trigger_context: { type: "manual" },
        error: null,
        status: "claimed"
      })
      const session = api.sessions.sessions.get(run.session_id!)
      assert.deepInclude(session?.record as object, {
        deployment_id: id,
        vault_ids: ["vlt_1"],
        output_config,
        task_id: run.task_id
      })
      assert.lengthOf(session?.log ?? [], 1)
      assert.deepStrictEqual((yield* api.get(`/v1/deployment_runs/${run.id}`)).body, run)
      assert.include((yield* api.get<Task>(`/v1/tasks/${run.task_id}`)).body, { status: "claimed" })
      const { data } = (yield* api.get<TestApi.Page<Session>>(`/v1/sessions?deployment_id=${id}`)).body
      assert.deepStrictEqual(
        data.map(({ deployment_id }) => deployment_id),
        [id]
      )
      // It says nothing of the schedule.
      assert.isNull((yield* api.get<DeploymentView>(`/v1/deployments/${id}`)).body.schedule?.last_run_at)
      assert.match(errorOf(yield* api.get("/v1/deployment_runs/drun_none")), /^404/)
      assert.match(errorOf(yield* api.get("/v1/deployment_runs?trigger_type=webhook")), /^400 .*trigger_type/)
    })
  )

  it.effect("that cannot have one says why", () =>
    Effect.gen(function* () {
      const api = yield* make
      const { id } = yield* create(api, { vault_ids: ["vlt_1"] })
      yield* api.vaults.deleteVault(vault("1").id)
      const { body: run } = yield* api.post<DeploymentRun>(`/v1/deployments/${id}/run`)
      assert.deepInclude(run, {
        session_id: null,
        error: { type: "vault_not_found_error", message: "vault_ids[0]: vault vlt_1 does not exist" }
      })
      assert.strictEqual(api.sessions.sessions.size, 0)
      // Who asks for a run sees what it came to: only those of the schedule pause it.
      assert.strictEqual((yield* api.get<DeploymentView>(`/v1/deployments/${id}`)).body.status, "active")
      const failed = (yield* api.get<TestApi.Page<DeploymentRun>>("/v1/deployment_runs?has_error=true")).body.data
      assert.deepStrictEqual(failed, [run])
      assert.deepStrictEqual(
        (yield* api.get<TestApi.Page<DeploymentRun>>("/v1/deployment_runs?has_error=false")).body.data,
        []
      )
    })
  )
})

describe("a task", () => {
  it.effect("may use vaults, and ask for an answer in a form", () =>
    Effect.gen(function* () {
      const api = yield* make
      const output_config = { format: { type: "json_schema", schema: { type: "object" } } }
      const body = { agent: "agent_1", environment_id: "env_1", input: "Go" }
      const task = (yield* api.post<Task>("/v1/tasks", { ...body, vault_ids: ["vlt_1"], output_config })).body
      assert.deepInclude(api.sessions.sessions.get(task.session_id!)?.record as object, {
        vault_ids: ["vlt_1"],
        output_config
      })
      for (const [fields, type] of [
        [{ vault_ids: ["vlt_2"] }, "vault_archived_error"],
        [{ vault_ids: ["vlt_3"] }, "vault_not_found_error"],
        [{ vault_ids: ["vlt_1", "vlt_1"] }, "session_creation_rejected_error"],
        [{ agent: "agent_2" }, "agent_archived_error"],
        [{ agent: "agent_3", output_config }, "session_creation_rejected_error"]
      ] as const) {
        const failed = (yield* api.post<Task>("/v1/tasks", { ...body, ...fields })).body
        assert.include(failed, { status: "failed", session_id: null })
        assert.strictEqual(failed.outcome?.error?.type, type)
      }
      const schema = { type: "object", properties: { a: { type: "text" } } }
      const refused = yield* api.post("/v1/tasks", {
        ...body,
        output_config: { format: { type: "json_schema", schema } }
      })
      assert.match(errorOf(refused), /^400 .*output_config\.format\.schema/)
    })
  )
})
