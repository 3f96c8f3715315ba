import { Array, Effect, Layer, Option } from "effect"
import { Catalog } from "../../src/Catalog.ts"
import type { Agent } from "../../src/domain/Agent.ts"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import type { Environment } from "../../src/domain/Environment.ts"
import type { Session } from "../../src/domain/Session.ts"
import { isShown, pageOf } from "./Pages.ts"

const make = (): Catalog["Service"] => {
  /** The versions of an agent, newest first. */
  const agents = new Map<string, ReadonlyArray<Agent>>()
  const environments = new Map<string, Environment>()
  const sessions = new Map<string, Session>()
  const decisions = new Map<string, EgressDecision>()

  const versionsOf = (id: string) => agents.get(id) ?? []

  return Catalog.of({
    addAgentVersion: Effect.fn("Catalog.addAgentVersion")(function* (agent) {
      const versions = versionsOf(agent.id)
      if (versions.some(({ version }) => version === agent.version)) return false
      agents.set(
        agent.id,
        [agent, ...versions].sort((a, b) => b.version - a.version)
      )
      return true
    }),
    agent: Effect.fn("Catalog.agent")(function* (id, version) {
      return Array.findFirst(versionsOf(id), (agent) => version === undefined || agent.version === version)
    }),
    agentVersions: Effect.fn("Catalog.agentVersions")(function* (id, { limit, after }) {
      return versionsOf(id)
        .filter(({ version }) => after === undefined || version < Number(after))
        .slice(0, limit)
    }),
    agents: Effect.fn("Catalog.agents")(function* (page) {
      const newest = [...agents.values()].flatMap((versions) => versions.slice(0, 1))
      return pageOf(newest.filter(isShown(page.includeArchived)), page)
    }),
    archiveAgent: Effect.fn("Catalog.archiveAgent")(function* (id, at) {
      if (agents.has(id))
        agents.set(
          id,
          versionsOf(id).map((agent) => ({ ...agent, archived_at: at }))
        )
    }),

    putEnvironment: Effect.fn("Catalog.putEnvironment")(function* (environment) {
      const taken = [...environments.values()].some(
        ({ id, name }) => name === environment.name && id !== environment.id
      )
      if (!taken) environments.set(environment.id, environment)
      return !taken
    }),
    environment: Effect.fn("Catalog.environment")(function* (id) {
      return Option.fromNullishOr(environments.get(id))
    }),
    environments: Effect.fn("Catalog.environments")(function* (page) {
      return pageOf([...environments.values()].filter(isShown(page.includeArchived)), page)
    }),
    deleteEnvironment: Effect.fn("Catalog.deleteEnvironment")(function* (id) {
      environments.delete(id)
    }),

    putSession: Effect.fn("Catalog.putSession")(function* (session) {
      sessions.set(session.id, session)
    }),
    sessions: Effect.fn("Catalog.sessions")(function* ({ includeArchived, agentId, statuses, ...page }) {
      const found = [...sessions.values()]
        .filter(isShown(includeArchived))
        .filter(({ agent }) => agentId === undefined || agent.id === agentId)
        .filter(({ status }) => statuses === undefined || statuses.includes(status))
      return pageOf(found, page)
    }),
    deleteSession: Effect.fn("Catalog.deleteSession")(function* (id) {
      sessions.delete(id)
      for (const decision of decisions.values()) if (decision.session_id === id) decisions.delete(decision.id)
    }),

    addDecision: Effect.fn("Catalog.addDecision")(function* (decision) {
      if (!decisions.has(decision.id)) decisions.set(decision.id, decision)
    }),
    decisions: Effect.fn("Catalog.decisions")(function* ({ sessionId, outcome, ...page }) {
      const found = [...decisions.values()]
        .filter(({ session_id }) => sessionId === undefined || session_id === sessionId)
        .filter((decision) => outcome === undefined || decision.outcome === outcome)
      return pageOf(found, page)
    }),
    deleteDecisionsBefore: Effect.fn("Catalog.deleteDecisionsBefore")(function* (time) {
      for (const { id, created_at } of decisions.values()) if (created_at < time) decisions.delete(id)
    })
  })
}

export const layer: Layer.Layer<Catalog> = Layer.sync(Catalog, make)
