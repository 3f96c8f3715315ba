import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Catalog } from "../../Catalog.ts"
import type { Agent } from "../../domain/Agent.ts"
import { now, patchMetadata } from "../../domain/Common.ts"
import { type AgentId, nextAgentId } from "../../domain/Ids.ts"
import { type CreateAgent, modelOf, type UpdateAgent } from "../Agents.ts"
import * as AgentTools from "../AgentTools.ts"
import { Api } from "../Contract.ts"
import { Deployment } from "../Deployment.ts"
import { Conflict, NotFound } from "../Errors.ts"
import { paginate } from "../Paging.ts"
import { checkPolicies, policyIds } from "./bindings.ts"
import { orInternal, orInvalid } from "./onWire.ts"
import { Overtaken, untilNotOvertaken } from "./versions.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "agents",
  Effect.fnUntraced(function* (handlers) {
    const catalog = yield* Catalog
    const deployment = yield* Deployment
    const nextId = Effect.provideService(nextAgentId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

    const find = Effect.fnUntraced(function* (id: AgentId, version?: number) {
      const agent = yield* catalog.agent(id, version)
      if (Option.isSome(agent)) return agent.value
      const what = version === undefined ? `agent ${id}` : `version ${version} of agent ${id}`
      return yield* new NotFound({ message: `${what} does not exist` })
    })

    const create = Effect.fn("Agents.create")(function* (input: typeof CreateAgent.Type) {
      yield* checkPolicies(catalog, "policy_ids", input.policy_ids)
      const created_at = yield* now
      const agent: Agent = {
        type: "agent",
        id: yield* nextId,
        version: 1,
        name: input.name,
        description: input.description || null,
        model: yield* modelOf(input.model, deployment),
        system: input.system || null,
        tools: yield* AgentTools.normalise(input.tools ?? [], deployment),
        mcp_servers: [],
        skills: [],
        multiagent: null,
        ...policyIds(input.policy_ids ?? []),
        execution_identity: { type: "service_account" },
        metadata: input.metadata ?? {},
        created_at,
        updated_at: created_at,
        archived_at: null
      }
      yield* catalog.addAgentVersion(agent)
      return agent
    }, orInternal)

    const changed = Effect.fnUntraced(function* (agent: Agent, change: typeof UpdateAgent.Type) {
      yield* checkPolicies(catalog, "policy_ids", change.policy_ids)
      const { policy_ids = [], ...kept } = agent
      return {
        ...kept,
        ...policyIds(change.policy_ids === undefined ? policy_ids : (change.policy_ids ?? [])),
        name: change.name ?? agent.name,
        description: change.description === undefined ? agent.description : change.description || null,
        model: change.model === undefined ? agent.model : yield* modelOf(change.model, deployment, { agent }),
        system: change.system === undefined ? agent.system : change.system || null,
        tools: change.tools === undefined ? agent.tools : yield* AgentTools.normalise(change.tools ?? [], deployment),
        metadata: yield* orInvalid(patchMetadata(agent.metadata, change.metadata))
      }
    })

    const update = Effect.fn("Agents.update")(
      function* (id: AgentId, change: typeof UpdateAgent.Type) {
        const agent = yield* find(id)
        const seen = change.version ?? agent.version
        if (agent.archived_at !== null) return yield* new Conflict({ message: `agent ${id} is archived` })
        if (seen !== agent.version) {
          return yield* new Conflict({ message: `version: agent ${id} is at version ${agent.version}, not ${seen}` })
        }
        const next = yield* changed(agent, change)
        if (Equal.equals(next, agent)) return agent
        const version: Agent = { ...next, version: agent.version + 1, updated_at: yield* now }
        if (!(yield* catalog.addAgentVersion(version))) return yield* new Overtaken()
        return version
      },
      (update) => untilNotOvertaken(update, "agent"),
      orInternal
    )

    const archive = Effect.fn("Agents.archive")(function* (id: AgentId) {
      const agent = yield* find(id)
      if (agent.archived_at !== null) return agent
      const archived_at = yield* now
      yield* catalog.archiveAgent(id, archived_at)
      return { ...agent, archived_at }
    }, orInternal)

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query }) =>
        paginate(
          "agents",
          query,
          (page) => catalog.agents({ ...page, includeArchived: query.include_archived ?? false }),
          ({ id }) => id
        ).pipe(orInternal),
      get: ({ params, query }) => orInternal(find(params.id, query.version)),
      update: ({ params, payload }) => update(params.id, payload),
      archive: ({ params }) => archive(params.id),
      usage: ({ params: { id } }) => find(id).pipe(Effect.andThen(catalog.agentUsage(id)), orInternal),
      versions: ({ params, query }) =>
        find(params.id).pipe(
          Effect.andThen(
            paginate(
              `versions of ${params.id}`,
              query,
              (page) => catalog.agentVersions(params.id, page),
              ({ version }) => String(version)
            )
          ),
          orInternal
        )
    })
  })
)
