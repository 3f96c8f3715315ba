import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Catalog } from "../../src/Catalog.ts"
import type { Agent } from "../../src/domain/Agent.ts"
import type { EgressDecision } from "../../src/domain/Egress.ts"
import type { Environment } from "../../src/domain/Environment.ts"
import type { Policy } from "../../src/domain/Policy.ts"
import type { Session } from "../../src/domain/Session.ts"
import { isShown, pageOf } from "./Pages.ts"

const make = (): Catalog["Service"] => {
  /** The versions of an agent, newest first. */
  const agents = new Map<string, ReadonlyArray<Agent>>()
  const environments = new Map<string, Environment>()
  /** The versions of a policy, newest first. */
  const policies = new Map<string, ReadonlyArray<Policy>>()
  const sessions = new Map<string, Session>()
  const decisions = new Map<string, EgressDecision>()

  const savesOf = (id: string) => policies.get(id) ?? []

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

    addPolicyVersion: Effect.fn("Catalog.addPolicyVersion")(function* (policy) {
      const saves = savesOf(policy.id)
      if (saves.some(({ revision }) => revision === policy.revision)) return false
      policies.set(
        policy.id,
        [policy, ...saves].sort((a, b) => b.revision - a.revision)
      )
      return true
    }),
    policy: Effect.fn("Catalog.policy")(function* (id, version) {
      return Array.findFirst(savesOf(id), (policy) => version === undefined || policy.version === version)
    }),
    policyVersions: Effect.fn("Catalog.policyVersions")(function* (id, { limit, after }) {
      return savesOf(id)
        .filter(({ revision }) => after === undefined || revision < Number(after))
        .slice(0, limit)
    }),
    policies: Effect.fn("Catalog.policies")(function* (page) {
      const newest = [...policies.values()].flatMap((saves) => saves.slice(0, 1))
      return pageOf(newest.filter(isShown(page.includeArchived)), page)
    }),
    archivePolicy: Effect.fn("Catalog.archivePolicy")(function* (id, at) {
      if (policies.has(id))
        policies.set(
          id,
          savesOf(id).map((policy) => ({ ...policy, archived_at: at }))
        )
    }),
    boundary: Effect.fn("Catalog.boundary")(function* (id, policyIds) {
      const environment = environments.get(id)
      const named = new Set([...(environment?.config.policy_ids ?? []), ...policyIds])
      return {
        environment: Option.fromNullishOr(environment),
        policies: [...named].flatMap((id) => savesOf(id).slice(0, 1))
      }
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
    completeDecision: Effect.fn("Catalog.completeDecision")(function* (decision) {
      if (decisions.has(decision.id)) decisions.set(decision.id, decision)
    }),
    decisions: Effect.fn("Catalog.decisions")(function* ({
      sessionId,
      agentId,
      outcome,
      host,
      createdAt = {},
      ...page
    }) {
      const { gt, gte, lt, lte } = createdAt
      const found = [...decisions.values()]
        .filter(({ session_id }) => sessionId === undefined || session_id === sessionId)
        .filter(({ agent_id }) => agentId === undefined || agent_id === agentId)
        .filter((decision) => outcome === undefined || decision.outcome === outcome)
        .filter((decision) => host === undefined || decision.host === host)
        .filter(({ created_at }) => gt === undefined || created_at > gt)
        .filter(({ created_at }) => gte === undefined || created_at >= gte)
        .filter(({ created_at }) => lt === undefined || created_at < lt)
        .filter(({ created_at }) => lte === undefined || created_at <= lte)
      return pageOf(found, page)
    }),
    deleteDecisionsBefore: Effect.fn("Catalog.deleteDecisionsBefore")(function* (time) {
      for (const { id, created_at } of decisions.values()) if (created_at < time) decisions.delete(id)
    })
  })
}

export const layer: Layer.Layer<Catalog> = Layer.sync(Catalog, make)
