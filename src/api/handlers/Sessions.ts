import * as Effect from "effect/Effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Catalog } from "../../Catalog.ts"
import type { SessionAgent } from "../../domain/Agent.ts"
import { now } from "../../domain/Common.ts"
import { nextSessionId, type SessionId } from "../../domain/Ids.ts"
import { toolName } from "../../domain/StructuredOutput.ts"
import { Sessions } from "../../Sessions.ts"
import * as Setup from "../../triggers/Setup.ts"
import { Vaults } from "../../Vaults.ts"
import { modelOf } from "../Agents.ts"
import * as AgentTools from "../AgentTools.ts"
import { Api } from "../Contract.ts"
import { Deployment } from "../Deployment.ts"
import { InvalidRequest } from "../Errors.ts"
import { paginate } from "../Paging.ts"
import type { AgentInput, CreateSession, UpdateSession } from "../Sessions.ts"
import { within } from "./Events.ts"
import { findVaults } from "./findVaults.ts"
import { orConflict, orInternal, orInvalid, orMissing, orRefused } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "sessions",
  Effect.fnUntraced(function* (handlers) {
    const catalog = yield* Catalog
    const deployment = yield* Deployment
    const sessions = yield* Sessions
    const vaults = yield* Vaults
    const nextId = Effect.provideService(nextSessionId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

    const findAgent = (id: string, version: number | undefined) => orRefused(Setup.findAgent(catalog, id, version))

    const findEnvironment = (id: string) => orRefused(Setup.findEnvironment(catalog, deployment.backends, id))

    /** The agent as the session keeps it. */
    const resolve = Effect.fnUntraced(function* (input: AgentInput) {
      const reference = typeof input === "string" ? { id: input, version: undefined } : input
      const agent = Setup.sessionAgent(yield* findAgent(reference.id, reference.version ?? undefined))
      if (typeof input === "string" || input.type === "agent") return agent
      const overridden: SessionAgent = {
        ...agent,
        model: input.model ? yield* modelOf(input.model, deployment, { field: "agent.model" }) : agent.model,
        system: input.system === undefined ? agent.system : input.system || null,
        tools:
          input.tools === undefined
            ? agent.tools
            : yield* AgentTools.normalise(input.tools ?? [], deployment, "agent.tools")
      }
      return overridden
    })

    const create = Effect.fn("Sessions.create")(
      function* (input: typeof CreateSession.Type, traceparent: string | undefined) {
        const [agent, environment, vault_ids] = yield* Effect.all(
          [resolve(input.agent), findEnvironment(input.environment_id), findVaults(vaults, input.vault_ids ?? [])],
          { concurrency: 3 }
        )
        const budget = input.budget ?? null
        if (budget !== null) yield* Setup.isBudgetable(budget, agent)
        const format = input.output_config?.format ?? null
        if (format !== null) yield* isNameFree(agent)
        const record = {
          id: yield* nextId,
          agent,
          environment_id: environment.id,
          environment: environment.config,
          vault_ids,
          budget,
          ...(format === null ? {} : { output_config: { format } }),
          title: input.title ?? null,
          metadata: input.metadata ?? {},
          created_at: yield* now,
          archived_at: null
        }
        return yield* sessions.create(record, within(traceparent, input.initial_events ?? []))
      },
      orInternal,
      orInvalid
    )

    const update = Effect.fn("Sessions.update")(
      function* (id: SessionId, { budget, metadata, title }: typeof UpdateSession.Type) {
        if (budget) yield* Setup.isBudgetable(budget, (yield* sessions.get(id)).agent)
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
      create: ({ headers, payload }) => create(payload, headers.traceparent),
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

/** The tool that takes the final answer has a name of its own. */
export const isNameFree = ({ tools }: SessionAgent) => {
  const index = tools.findIndex((tool) => tool.type === "custom" && tool.name === toolName)
  if (index < 0) return Effect.void
  const message = `output_config: agent.tools[${index}].name is ${toolName}, the name of the tool through which the answer is given; rename it`
  return Effect.fail(new InvalidRequest({ message }))
}
