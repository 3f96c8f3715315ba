import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Catalog } from "../../src/Catalog.ts"
import { Agent } from "../../src/domain/Agent.ts"
import { EgressDecision } from "../../src/domain/Egress.ts"
import { Environment } from "../../src/domain/Environment.ts"
import { Session } from "../../src/domain/Session.ts"
import * as D1 from "./D1.ts"
import { before, changed, given, json, method, notArchived } from "./D1.ts"
import * as PoliciesD1 from "./PoliciesD1.ts"

const agentJson = json(Agent)
const environmentJson = json(Environment)
const sessionJson = json(Session)
const decisionJson = json(EgressDecision)

const make = (db: D1Database): Catalog["Service"] => {
  const { run, select, write } = D1.make(db)

  return Catalog.of({
    addAgentVersion: method("Catalog.addAgentVersion", (agent) =>
      write(
        "INSERT INTO agents (body, id, version) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        agentJson,
        agent,
        agent.id,
        agent.version
      ).pipe(Effect.map(changed))
    ),
    agent: method("Catalog.agent", (id, version) =>
      Effect.map(
        select("agents", agentJson, [["id = ?", id], ...given(version, (v) => ["version = ?", v])], 1, "version"),
        Array.head
      )
    ),
    agentVersions: method("Catalog.agentVersions", (id, { limit, after }) =>
      select(
        "agents",
        agentJson,
        [["id = ?", id], ...given(after, (after) => ["version < ?", Number(after)])],
        limit,
        "version"
      )
    ),
    agents: method("Catalog.agents", (page) =>
      select(
        "agents AS agent",
        agentJson,
        [
          ["version = (SELECT max(version) FROM agents WHERE id = agent.id)"],
          ...before(page),
          ...notArchived(page.includeArchived)
        ],
        page.limit
      )
    ),
    archiveAgent: method("Catalog.archiveAgent", (id, at) =>
      Effect.asVoid(run("UPDATE agents SET body = json_set(body, '$.archived_at', ?) WHERE id = ?", at, id))
    ),

    putEnvironment: method("Catalog.putEnvironment", (environment) =>
      write(
        `INSERT INTO environments (body, id)
        SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM environments WHERE name = ?3 AND id <> ?2)
        ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
        environmentJson,
        environment,
        environment.id,
        environment.name
      ).pipe(Effect.map(changed))
    ),
    environment: method("Catalog.environment", (id) =>
      Effect.map(select("environments", environmentJson, [["id = ?", id]], 1), Array.head)
    ),
    environments: method("Catalog.environments", (page) =>
      select("environments", environmentJson, [...before(page), ...notArchived(page.includeArchived)], page.limit)
    ),
    deleteEnvironment: method("Catalog.deleteEnvironment", (id) =>
      Effect.asVoid(run("DELETE FROM environments WHERE id = ?", id))
    ),

    ...PoliciesD1.make(db, { run, write, select }),

    putSession: method("Catalog.putSession", (session) =>
      write(
        "INSERT INTO sessions (body, id) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        sessionJson,
        session,
        session.id
      ).pipe(Effect.asVoid)
    ),
    sessions: method("Catalog.sessions", (page) =>
      select(
        "sessions",
        sessionJson,
        [
          ...before(page),
          ...notArchived(page.includeArchived),
          ...given(page.agentId, (id) => ["agent_id = ?", id]),
          ...given(page.statuses, (statuses) => [`status IN (${statuses.map(() => "?").join(", ")})`, ...statuses])
        ],
        page.limit
      )
    ),
    deleteSession: method("Catalog.deleteSession", (id) =>
      Effect.asVoid(
        Effect.tryPromise(() =>
          db.batch([
            db.prepare("DELETE FROM sessions WHERE id = ?").bind(id),
            db.prepare("DELETE FROM egress_decisions WHERE session_id = ?").bind(id)
          ])
        )
      )
    ),

    addDecision: method("Catalog.addDecision", (decision) =>
      write(
        "INSERT INTO egress_decisions (body, id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        decisionJson,
        decision,
        decision.id
      ).pipe(Effect.asVoid)
    ),
    completeDecision: method("Catalog.completeDecision", (decision) =>
      Effect.asVoid(write("UPDATE egress_decisions SET body = ? WHERE id = ?", decisionJson, decision, decision.id))
    ),
    decisions: method("Catalog.decisions", (page) =>
      select(
        "egress_decisions",
        decisionJson,
        [
          ...before(page),
          ...given(page.sessionId, (id) => ["session_id = ?", id]),
          ...given(page.agentId, (id) => ["agent_id = ?", id]),
          ...given(page.outcome, (outcome) => ["outcome = ?", outcome]),
          ...given(page.host, (host) => ["host = ?", host]),
          ...given(page.createdAt?.gt, (time) => ["created_at > ?", time]),
          ...given(page.createdAt?.gte, (time) => ["created_at >= ?", time]),
          ...given(page.createdAt?.lt, (time) => ["created_at < ?", time]),
          ...given(page.createdAt?.lte, (time) => ["created_at <= ?", time])
        ],
        page.limit
      )
    ),
    deleteDecisionsBefore: method("Catalog.deleteDecisionsBefore", (time) =>
      Effect.asVoid(run("DELETE FROM egress_decisions WHERE created_at < ?", time))
    )
  })
}

/** What sessions share, in D1 (`migrations/`). Each item is stored whole, as JSON. */
export const layer = (db: D1Database): Layer.Layer<Catalog> => Layer.sync(Catalog, () => make(db))
