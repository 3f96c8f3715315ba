import { Effect, Option, Schema, Struct } from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpApiBuilder } from "effect/http-api"
import { Catalog } from "../../Catalog.ts"
import type { SessionAgent } from "../../domain/Agent.ts"
import { type Budget, BudgetRefused } from "../../domain/Budget.ts"
import { now } from "../../domain/Common.ts"
import { AgentId, EnvironmentId, nextSessionId, type SessionId, VaultId } from "../../domain/Ids.ts"
import { profileOf } from "../../model/Profiles.ts"
import { Sessions } from "../../Sessions.ts"
import { Vaults } from "../../Vaults.ts"
import { modelOf } from "../Agents.ts"
import * as AgentTools from "../AgentTools.ts"
import { Api } from "../Contract.ts"
import { Deployment } from "../Deployment.ts"
import { Conflict, InvalidRequest, NotFound } from "../Errors.ts"
import { paginate } from "../Paging.ts"
import type { AgentInput, CreateSession, UpdateSession } from "../Sessions.ts"
import { orConflict, orInternal, orInvalid, orMissing } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "sessions",
  Effect.fnUntraced(function* (handlers) {
    const catalog = yield* Catalog
    const deployment = yield* Deployment
    const sessions = yield* Sessions
    const vaults = yield* Vaults
    const nextId = Effect.provideService(nextSessionId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

    const findAgent = Effect.fnUntraced(function* (id: string, version: number | undefined) {
      const agent = isAgentId(id) ? yield* catalog.agent(id, version) : Option.none()
      if (Option.isNone(agent)) {
        const what = version === undefined ? `agent ${id}` : `version ${version} of agent ${id}`
        return yield* new NotFound({ message: `agent: ${what} does not exist` })
      }
      if (agent.value.archived_at !== null) return yield* new Conflict({ message: `agent: agent ${id} is archived` })
      return agent.value
    })

    const findEnvironment = Effect.fnUntraced(function* (id: string) {
      const environment = isEnvironmentId(id) ? yield* catalog.environment(id) : Option.none()
      if (Option.isNone(environment)) {
        return yield* new NotFound({ message: `environment_id: environment ${id} does not exist` })
      }
      const { archived_at, config } = environment.value
      if (archived_at !== null) {
        return yield* new Conflict({ message: `environment_id: environment ${id} is archived` })
      }
      if (!deployment.backends.has(config.backend)) {
        return yield* new InvalidRequest({
          message: `environment_id: environment ${id} asks for the backend ${config.backend}, which this deployment does not have`
        })
      }
      return environment.value
    })

    const findVaults = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
      return yield* Effect.forEach(
        ids,
        Effect.fnUntraced(function* (id, index) {
          const field = `vault_ids[${index}]`
          if (ids.indexOf(id) < index)
            return yield* new InvalidRequest({ message: `${field}: ${id} stands there twice` })
          const vault = isVaultId(id) ? yield* vaults.vault(id) : Option.none()
          if (Option.isNone(vault)) return yield* new NotFound({ message: `${field}: vault ${id} does not exist` })
          if (vault.value.archived_at === null) return vault.value.id
          return yield* new Conflict({ message: `${field}: vault ${id} is archived` })
        })
      )
    })

    /** The agent as the session keeps it. */
    const resolve = Effect.fnUntraced(function* (input: AgentInput) {
      const reference = typeof input === "string" ? { id: input, version: undefined } : input
      const found = yield* findAgent(reference.id, reference.version ?? undefined)
      const agent = Struct.omit(found, ["metadata", "created_at", "updated_at", "archived_at"])
      if (typeof input === "string" || input.type === "agent") return agent
      const overridden: SessionAgent = {
        ...agent,
        model: input.model ? modelOf(input.model, deployment) : agent.model,
        system: input.system === undefined ? agent.system : input.system || null,
        tools:
          input.tools === undefined
            ? agent.tools
            : yield* AgentTools.normalise(input.tools ?? [], deployment, "agent.tools")
      }
      return overridden
    })

    const create = Effect.fn("Sessions.create")(
      function* (input: typeof CreateSession.Type) {
        const [agent, environment, vault_ids] = yield* Effect.all(
          [resolve(input.agent), findEnvironment(input.environment_id), findVaults(input.vault_ids ?? [])],
          { concurrency: 3 }
        )
        const budget = input.budget ?? null
        if (budget !== null) yield* isBudgetable(budget, agent)
        const record = {
          id: yield* nextId,
          agent,
          environment_id: environment.id,
          environment: environment.config,
          vault_ids,
          budget,
          title: input.title ?? null,
          metadata: input.metadata ?? {},
          created_at: yield* now,
          archived_at: null
        }
        return yield* sessions.create(record, input.initial_events ?? [])
      },
      orInternal,
      orInvalid
    )

    const update = Effect.fn("Sessions.update")(
      function* (id: SessionId, { budget, metadata, title }: typeof UpdateSession.Type) {
        if (budget) yield* isBudgetable(budget, (yield* sessions.get(id)).agent)
        const change = {
          ...(title === undefined ? {} : { title }),
          ...(metadata ? { metadata } : {}),
          ...(budget === undefined ? {} : { budget })
        }
        return yield* sessions.update(id, change)
      },
      orConflict,
      orInvalid
    )

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query }) => {
        const statuses = [...(query.statuses ?? []), ...(query["statuses[]"] ?? [])]
        return paginate(
          "sessions",
          query,
          (page) =>
            catalog.sessions({
              ...page,
              includeArchived: query.include_archived ?? false,
              ...(query.agent_id === undefined ? {} : { agentId: query.agent_id }),
              ...(statuses.length === 0 ? {} : { statuses })
            }),
          ({ id }) => id
        ).pipe(
          Effect.map((page) => ({ ...page, prev_page: null })),
          orInternal
        )
      },
      get: ({ params }) => orMissing(sessions.get(params.id)),
      update: ({ params, payload }) => update(params.id, payload),
      delete: ({ params: { id } }) =>
        sessions.delete(id).pipe(Effect.as({ id, type: "session_deleted" as const }), orConflict),
      archive: ({ params }) => orConflict(sessions.archive(params.id))
    })
  })
)

const isAgentId = Schema.is(AgentId)
const isEnvironmentId = Schema.is(EnvironmentId)
const isVaultId = Schema.is(VaultId)

/** A cost cannot be limited where it is not known. */
const isBudgetable = ({ max_list_cost }: Budget, { model }: SessionAgent) => {
  if (max_list_cost === undefined) return Effect.void
  const unpriced = [model.id, ...(model.fallbacks ?? [])].find((id) => profileOf(id).price === null)
  if (unpriced === undefined) return Effect.void
  const detail = `${unpriced} has no known list price; limit max_tokens, max_steps, max_tool_calls or max_active_seconds instead`
  return Effect.fail(new BudgetRefused({ reason: "model_not_budgetable", detail }))
}
