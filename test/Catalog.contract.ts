import assert from "node:assert/strict"
import { Effect, Option } from "effect"
import { Catalog, type PageQuery } from "../src/Catalog.ts"
import type { StorageError } from "../src/Storage.ts"
import type { Contract } from "./support/contract.ts"
import { agent, decision, environment, policy, session, sessionAgent } from "./support/records.ts"

const ids = Effect.map((items: ReadonlyArray<{ readonly id: string }>) => items.map(({ id }) => id))

const versions = Effect.map((items: ReadonlyArray<{ readonly version: number }>) => items.map(({ version }) => version))

/** Pages of every size must join to the ids expected. */
const assertPages = Effect.fnUntraced(function* (
  expected: ReadonlyArray<string>,
  list: (page: PageQuery) => Effect.Effect<ReadonlyArray<{ readonly id: string }>, StorageError>
) {
  for (let limit = 1; limit <= expected.length + 1; limit++) {
    const found: Array<string> = []
    while (true) {
      const after = found.at(-1)
      const page = yield* ids(list(after === undefined ? { limit } : { limit, after }))
      assert.ok(page.length <= limit)
      if (page.length === 0) break
      found.push(...page)
    }
    assert.deepEqual(found, expected)
  }
})

const archived_at = "2026-11-23T00:00:00.000Z"
const page = { limit: 100, includeArchived: false }

export const contract: Contract<Catalog> = {
  "an empty catalog answers nothing": Effect.gen(function* () {
    const catalog = yield* Catalog
    assert.deepEqual(yield* catalog.agent(agent("1").id), Option.none())
    assert.deepEqual(yield* catalog.agentVersions(agent("1").id, page), [])
    assert.deepEqual(yield* catalog.agents(page), [])
    assert.deepEqual(yield* catalog.environment(environment("1").id), Option.none())
    assert.deepEqual(yield* catalog.environments(page), [])
    assert.deepEqual(yield* catalog.sessions(page), [])
    assert.deepEqual(yield* catalog.decisions(page), [])
  }),

  "every version of an agent is kept, and the newest answered where none is named": Effect.gen(function* () {
    const catalog = yield* Catalog
    const first = agent("1", { system: "Zwölf 🐈" })
    const second = agent("1", { version: 2, name: "Second" })
    assert.equal(yield* catalog.addAgentVersion(first), true)
    assert.equal(yield* catalog.addAgentVersion(second), true)
    assert.deepEqual(yield* catalog.agent(first.id), Option.some(second))
    assert.deepEqual(yield* catalog.agent(first.id, 1), Option.some(first))
    assert.deepEqual(yield* catalog.agent(first.id, 3), Option.none())
  }),

  "a version that exists is never replaced": Effect.gen(function* () {
    const catalog = yield* Catalog
    yield* catalog.addAgentVersion(agent("1"))
    assert.equal(yield* catalog.addAgentVersion(agent("1", { name: "Other" })), false)
    assert.deepEqual(yield* catalog.agent(agent("1").id), Option.some(agent("1")))
  }),

  "of several writers of one version exactly one succeeds": Effect.gen(function* () {
    const catalog = yield* Catalog
    const added = yield* Effect.forEach(["a", "b", "c", "d"], (name) => catalog.addAgentVersion(agent("1", { name })), {
      concurrency: "unbounded"
    })
    assert.equal(added.filter(Boolean).length, 1)
  }),

  "versions are listed newest first, in pages": Effect.gen(function* () {
    const catalog = yield* Catalog
    const { id } = agent("1")
    for (let version = 1; version <= 11; version++) yield* catalog.addAgentVersion(agent("1", { version }))
    yield* catalog.addAgentVersion(agent("2"))
    assert.deepEqual(yield* versions(catalog.agentVersions(id, { limit: 3 })), [11, 10, 9])
    assert.deepEqual(yield* versions(catalog.agentVersions(id, { limit: 3, after: "9" })), [8, 7, 6])
    assert.deepEqual(yield* versions(catalog.agentVersions(id, { limit: 100, after: "2" })), [1])
    assert.deepEqual(yield* versions(catalog.agentVersions(id, { limit: 100, after: "1" })), [])
  }),

  "agents are listed once each, as their newest version": Effect.gen(function* () {
    const catalog = yield* Catalog
    for (const id of ["2", "1", "3"]) yield* catalog.addAgentVersion(agent(id))
    yield* catalog.addAgentVersion(agent("1", { version: 2, name: "Second" }))
    assert.deepEqual(yield* catalog.agents(page), [agent("3"), agent("2"), agent("1", { version: 2, name: "Second" })])
    yield* assertPages(["agent_3", "agent_2", "agent_1"], (query) => catalog.agents({ ...page, ...query }))
  }),

  "an archived agent keeps its versions, all marked, and leaves the list": Effect.gen(function* () {
    const catalog = yield* Catalog
    for (const item of [agent("1"), agent("1", { version: 2 }), agent("2")]) yield* catalog.addAgentVersion(item)
    yield* catalog.archiveAgent(agent("1").id, archived_at)
    assert.deepEqual(yield* catalog.agent(agent("1").id, 1), Option.some(agent("1", { archived_at })))
    assert.deepEqual(yield* catalog.agent(agent("1").id), Option.some(agent("1", { version: 2, archived_at })))
    assert.deepEqual(yield* ids(catalog.agents(page)), ["agent_2"])
    assert.deepEqual(yield* ids(catalog.agents({ ...page, includeArchived: true })), ["agent_2", "agent_1"])
  }),

  "an environment is created, replaced and deleted": Effect.gen(function* () {
    const catalog = yield* Catalog
    const { id } = environment("1")
    assert.equal(yield* catalog.putEnvironment(environment("1")), true)
    const changed = environment("1", { name: "renamed", description: "changed" })
    assert.equal(yield* catalog.putEnvironment(changed), true)
    assert.deepEqual(yield* catalog.environment(id), Option.some(changed))
    yield* catalog.deleteEnvironment(id)
    assert.deepEqual(yield* catalog.environment(id), Option.none())
    assert.equal(yield* catalog.putEnvironment(environment("2", { name: "renamed" })), true)
  }),

  "a name belongs to one environment, archived ones included": Effect.gen(function* () {
    const catalog = yield* Catalog
    yield* catalog.putEnvironment(environment("1", { name: "taken", archived_at }))
    yield* catalog.putEnvironment(environment("2", { name: "free" }))
    assert.equal(yield* catalog.putEnvironment(environment("3", { name: "taken" })), false)
    assert.equal(yield* catalog.putEnvironment(environment("2", { name: "taken" })), false)
    assert.deepEqual(yield* catalog.environment(environment("3").id), Option.none())
    assert.deepEqual(yield* catalog.environment(environment("2").id), Option.some(environment("2", { name: "free" })))
  }),

  "environments are listed newest first, in pages, archived ones on demand": Effect.gen(function* () {
    const catalog = yield* Catalog
    for (const id of ["2", "4", "1"]) yield* catalog.putEnvironment(environment(id))
    yield* catalog.putEnvironment(environment("3", { archived_at }))
    yield* assertPages(["env_4", "env_2", "env_1"], (query) => catalog.environments({ ...page, ...query }))
    yield* assertPages(["env_4", "env_3", "env_2", "env_1"], (query) =>
      catalog.environments({ ...query, includeArchived: true })
    )
  }),

  "every version of a policy is kept, the newest answered, and none replaced": Effect.gen(function* () {
    const catalog = yield* Catalog
    const saves = [
      policy("1", { version: "aa", rules: [{ effect: "ask", host: "zwölf.example", methods: ["GET"], port: "any" }] }),
      policy("1", { version: "bb", revision: 2, limits: { total_ms: 5 } }),
      policy("1", { version: "aa", revision: 3, name: "again" })
    ] as const
    for (const save of saves) assert.equal(yield* catalog.addPolicyVersion(save), true)
    assert.equal(yield* catalog.addPolicyVersion(policy("1", { revision: 3, name: "other" })), false)
    const { id } = saves[0]
    assert.deepEqual(yield* catalog.policy(id), Option.some(saves[2]))
    assert.deepEqual(yield* catalog.policy(id, "bb"), Option.some(saves[1]))
    assert.deepEqual(yield* catalog.policy(id, "aa"), Option.some(saves[2]))
    assert.deepEqual(yield* catalog.policy(id, "cc"), Option.none())
    assert.deepEqual(yield* catalog.policyVersions(id, { limit: 2 }), [saves[2], saves[1]])
    assert.deepEqual(yield* catalog.policyVersions(id, { limit: 2, after: "2" }), [saves[0]])
  }),

  "policies are listed once each, archived ones on demand": Effect.gen(function* () {
    const catalog = yield* Catalog
    for (const id of ["2", "1", "3"]) yield* catalog.addPolicyVersion(policy(id))
    yield* catalog.addPolicyVersion(policy("1", { revision: 2 }))
    yield* catalog.archivePolicy(policy("1").id, archived_at)
    assert.deepEqual(yield* catalog.policy(policy("1").id), Option.some(policy("1", { revision: 2, archived_at })))
    yield* assertPages(["pol_3", "pol_2"], (query) => catalog.policies({ ...page, ...query }))
    yield* assertPages(["pol_3", "pol_2", "pol_1"], (query) => catalog.policies({ ...query, includeArchived: true }))
  }),

  "what decides about a session is read at once, as it is now": Effect.gen(function* () {
    const catalog = yield* Catalog
    for (const id of ["1", "2", "3"]) yield* catalog.addPolicyVersion(policy(id))
    const bound = environment("1", {
      config: { ...environment("1").config, policy_ids: [policy("1").id, policy("9").id] }
    })
    yield* catalog.putEnvironment(bound)
    const read = Effect.map(catalog.boundary(bound.id, [policy("3").id, policy("1").id]), (boundary) => ({
      ...boundary,
      policies: boundary.policies.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    }))
    assert.deepEqual(yield* read, { environment: Option.some(bound), policies: [policy("1"), policy("3")] })
    const newer = policy("1", { revision: 2, rules: [{ effect: "deny", host: "*" }] })
    yield* catalog.addPolicyVersion(newer)
    yield* catalog.archivePolicy(policy("3").id, archived_at)
    yield* catalog.putEnvironment({ ...bound, name: "renamed" })
    assert.deepEqual(yield* read, {
      environment: Option.some({ ...bound, name: "renamed" }),
      policies: [newer, policy("3", { archived_at })]
    })
    const nothing = yield* catalog.boundary(environment("2").id, [])
    assert.deepEqual(nothing, { environment: Option.none(), policies: [] })
  }),

  "a session's entry is created and replaced": Effect.gen(function* () {
    const catalog = yield* Catalog
    yield* catalog.putSession(session("1"))
    yield* catalog.putSession(session("1", { status: "running", title: "Zwölf 🐈" }))
    assert.deepEqual(yield* catalog.sessions(page), [session("1", { status: "running", title: "Zwölf 🐈" })])
  }),

  "sessions are listed newest first, in pages, by what is asked for": Effect.gen(function* () {
    const catalog = yield* Catalog
    const agentId = agent("2").id
    for (const id of ["1", "4"]) yield* catalog.putSession(session(id))
    yield* catalog.putSession(session("2", { agent: sessionAgent("2"), status: "running" }))
    yield* catalog.putSession(session("3", { agent: sessionAgent("2"), status: "terminated" }))
    yield* catalog.putSession(session("5", { agent: sessionAgent("2"), archived_at, status: "terminated" }))

    yield* assertPages(["sesn_4", "sesn_3", "sesn_2", "sesn_1"], (query) => catalog.sessions({ ...page, ...query }))
    yield* assertPages(["sesn_5", "sesn_4", "sesn_3", "sesn_2", "sesn_1"], (query) =>
      catalog.sessions({ ...query, includeArchived: true })
    )
    yield* assertPages(["sesn_3", "sesn_2"], (query) => catalog.sessions({ ...page, ...query, agentId }))
    yield* assertPages(["sesn_4", "sesn_2", "sesn_1"], (query) =>
      catalog.sessions({ ...page, ...query, statuses: ["idle", "running"] })
    )
    yield* assertPages(["sesn_5", "sesn_3"], (query) =>
      catalog.sessions({ ...query, includeArchived: true, agentId, statuses: ["terminated"] })
    )
    assert.deepEqual(yield* catalog.sessions({ ...page, statuses: [] }), [])
  }),

  "a deleted session takes its egress decisions along": Effect.gen(function* () {
    const catalog = yield* Catalog
    for (const id of ["1", "2"]) {
      yield* catalog.putSession(session(id))
      yield* catalog.addDecision(decision(id, { session_id: session(id).id }))
    }
    yield* catalog.deleteSession(session("1").id)
    assert.deepEqual(yield* catalog.sessions(page), [session("2")])
    assert.deepEqual(yield* ids(catalog.decisions(page)), ["egrs_2"])
  }),

  "decisions are listed newest first, in pages, by session and outcome": Effect.gen(function* () {
    const catalog = yield* Catalog
    const sessionId = session("2").id
    for (const id of ["1", "3"]) yield* catalog.addDecision(decision(id))
    yield* catalog.addDecision(decision("2", { session_id: sessionId, outcome: "blocked", status: null }))
    yield* catalog.addDecision(decision("4", { session_id: sessionId, outcome: "injected" }))

    assert.deepEqual(
      (yield* catalog.decisions({ limit: 1 }))[0],
      decision("4", { session_id: sessionId, outcome: "injected" })
    )
    yield* assertPages(["egrs_4", "egrs_3", "egrs_2", "egrs_1"], (query) => catalog.decisions(query))
    yield* assertPages(["egrs_4", "egrs_2"], (query) => catalog.decisions({ ...query, sessionId }))
    yield* assertPages(["egrs_2"], (query) => catalog.decisions({ ...query, outcome: "blocked" }))
    yield* assertPages([], (query) => catalog.decisions({ ...query, sessionId, outcome: "allowed" }))
    yield* assertPages(["egrs_4", "egrs_3", "egrs_2", "egrs_1"], (query) =>
      catalog.decisions({ ...query, agentId: agent("1").id, host: "example.com" })
    )
    yield* assertPages([], (query) => catalog.decisions({ ...query, agentId: agent("2").id }))
    yield* assertPages([], (query) => catalog.decisions({ ...query, host: "example.org" }))
  }),

  "a decision is kept as it was first recorded": Effect.gen(function* () {
    const catalog = yield* Catalog
    yield* catalog.addDecision(decision("1"))
    yield* catalog.addDecision(decision("1", { outcome: "blocked" }))
    assert.deepEqual(yield* catalog.decisions(page), [decision("1")])
  }),

  "what came of a decision joins it, where it is kept": Effect.gen(function* () {
    const catalog = yield* Catalog
    const unknown = { status: null, bytes_out: null, bytes_in: null, duration_ms: null }
    yield* catalog.addDecision(decision("1", unknown))
    const known = { status: 200, bytes_out: 5, bytes_in: null, duration_ms: 1_000 }
    for (const id of ["1", "2"]) yield* catalog.completeDecision(decision(id, known))
    assert.deepEqual(yield* catalog.decisions(page), [decision("1", known)])
  }),

  "decisions are limited to a time": Effect.gen(function* () {
    const catalog = yield* Catalog
    const [first, second] = ["2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z"] as const
    yield* catalog.addDecision(decision("1", { created_at: first }))
    yield* catalog.addDecision(decision("2", { created_at: second }))
    yield* assertPages(["egrs_2"], (query) => catalog.decisions({ ...query, createdAt: { gt: first } }))
    yield* assertPages(["egrs_2", "egrs_1"], (query) =>
      catalog.decisions({ ...query, createdAt: { gte: first, lte: second } })
    )
    yield* assertPages(["egrs_1"], (query) => catalog.decisions({ ...query, createdAt: { lt: second } }))
  }),

  "decisions of before a time are forgotten": Effect.gen(function* () {
    const catalog = yield* Catalog
    yield* catalog.addDecision(decision("1", { created_at: "2026-11-21T23:59:59.999Z" }))
    yield* catalog.addDecision(decision("2", { created_at: "2026-11-22T00:00:00.000Z" }))
    yield* catalog.addDecision(decision("3", { created_at: "2026-11-22T00:00:00.001Z" }))
    yield* catalog.deleteDecisionsBefore("2026-11-22T00:00:00.000Z")
    assert.deepEqual(yield* ids(catalog.decisions(page)), ["egrs_3", "egrs_2"])
  })
}
