import * as Effect from "effect/Effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { Catalog } from "../../Catalog.ts"
import type { SessionAgent } from "../../domain/Agent.ts"
import { now } from "../../domain/Common.ts"
import { nextSessionId, type SessionId } from "../../domain/Ids.ts"
import type { SessionRecord } from "../../domain/Session.ts"
import * as Fork from "../../loop/Fork.ts"
import { type Inherited, Sessions } from "../../Sessions.ts"
import { StorageError } from "../../Storage.ts"
import type { SessionExport } from "../../trace/Export.ts" // Its types alone: no Worker reads exports from outside.
import * as Setup from "../../triggers/Setup.ts"
import { Vaults } from "../../Vaults.ts"
import { modelOf } from "../Agents.ts"
import * as AgentTools from "../AgentTools.ts"
import { Deployment } from "../Deployment.ts"
import { InvalidRequest } from "../Errors.ts"
import type { ForkSession } from "../Forks.ts"
import { checkPolicies, policyIds } from "./bindings.ts"
import { findVaults } from "./findVaults.ts"
import { orInternal, orInvalid, orMissing, orRefused } from "./onWire.ts"
import { isNameFree } from "./Sessions.ts"

type Changes = typeof ForkSession.Type

/** Bytes of a log that a fork may begin with: it is handed to the fork's object in one piece. */
const largest = 16 * 1024 * 1024

/** A new session that goes on from an event of another one. */
export const make = Effect.gen(function* () {
  const catalog = yield* Catalog
  const deployment = yield* Deployment
  const sessions = yield* Sessions
  const vaults = yield* Vaults
  const nextId = Effect.provideService(nextSessionId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

  const exported = Effect.fnUntraced(function* (id: SessionId) {
    const stream = yield* sessions.export(id)
    const text = yield* Effect.tryPromise({
      try: () => new Response(stream).text(),
      catch: (cause) => new StorageError({ operation: "export", cause })
    })
    return JSON.parse(text) as SessionExport // What `exportSession` has just written.
  })

  const agentOf = Effect.fnUntraced(function* (agent: SessionAgent, changes: Changes) {
    yield* checkPolicies(catalog, "policy_ids", changes.policy_ids)
    const { policy_ids = [], ...kept } = agent
    const changed: SessionAgent = {
      ...kept,
      model: changes.model ? yield* modelOf(changes.model, deployment) : agent.model,
      system: changes.system === undefined ? agent.system : changes.system || null,
      tools: changes.tools === undefined ? agent.tools : yield* AgentTools.normalise(changes.tools ?? [], deployment),
      ...policyIds(changes.policy_ids === undefined ? policy_ids : (changes.policy_ids ?? []))
    }
    return changed
  })

  const inheritedOf = Effect.fnUntraced(function* ({ entries }: SessionExport, { at, tool_results }: Changes) {
    const last = at ?? entries.at(-1)?.event.id
    if (last === undefined)
      return yield* new InvalidRequest({ message: "the session has no events: create another one" })
    const events = entries.map(({ event }) => event)
    const length = Fork.lengthAt(events, last)
    if (length === 0) return yield* new InvalidRequest({ message: `at: the session has no event ${last}` })
    const inherited: ReadonlyArray<Inherited> = entries.slice(0, length)
    const results = (tool_results ?? []).map(({ content, is_error, tool_use_id }) => ({
      tool_use_id,
      text: content,
      isError: is_error ?? false
    }))
    const changed = Fork.withResults(inherited, results)
    if (typeof changed === "string") {
      const field = `tool_results[${results.findIndex(({ tool_use_id }) => tool_use_id === changed)}].tool_use_id`
      return yield* new InvalidRequest({ message: `${field}: ${changed} has no result up to ${last}` })
    }
    const pieces = changed.map(({ event, text }) => ({ event, ...(text === undefined ? {} : { text }) }))
    if (JSON.stringify(pieces).length > largest) {
      const message = `at: the log up to ${last} is larger than ${largest} bytes; fork at an earlier event`
      return yield* new InvalidRequest({ message })
    }
    return { inherited: pieces, last }
  })

  return Effect.fn("Runs.fork")(
    function* (id: SessionId, changes: Changes) {
      const source = yield* exported(id)
      const { session } = source
      const [agent, environment, vault_ids, { inherited, last }] = yield* Effect.all([
        agentOf(session.agent, changes),
        orRefused(
          Setup.findEnvironment(catalog, deployment.backends, changes.environment_id ?? session.environment_id)
        ),
        findVaults(vaults, changes.vault_ids === undefined ? session.vault_ids : (changes.vault_ids ?? [])),
        inheritedOf(source, changes)
      ])
      const budget = changes.budget === undefined ? session.budget : changes.budget
      if (budget !== null) yield* Setup.isBudgetable(budget, agent)
      if (session.output_config !== undefined) yield* isNameFree(agent)
      const record: SessionRecord = {
        id: yield* nextId,
        agent,
        environment_id: environment.id,
        environment: environment.config,
        vault_ids,
        budget,
        ...(session.output_config === undefined ? {} : { output_config: session.output_config }),
        forked_from: { session_id: id, event_id: last },
        title: changes.title === undefined ? session.title : changes.title,
        metadata: changes.metadata === undefined ? session.metadata : (changes.metadata ?? {}),
        created_at: yield* now,
        archived_at: null
      }
      return yield* sessions.create(record, changes.initial_events ?? [], inherited)
    },
    orMissing,
    orInternal,
    orInvalid
  )
})
