import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import type { Catalog } from "../Catalog.ts"
import type { Agent, SessionAgent } from "../domain/Agent.ts"
import { type Budget, BudgetRefused } from "../domain/Budget.ts"
import type { Backend, Environment } from "../domain/Environment.ts"
import { AgentId, EnvironmentId, VaultId } from "../domain/Ids.ts"
import { type OutputConfig, toolName } from "../domain/StructuredOutput.ts"
import { profileOf } from "../model/Profiles.ts"
import type { StorageError } from "../Storage.ts"
import type { Vaults } from "../Vaults.ts"

/** What every session is set up from, whoever starts it: an agent, an environment, vaults, and what fits them. */

/** The error of a session that cannot be, whoever asks for it and when. */
export const creationRejected = "session_creation_rejected_error"

/** A session cannot be set up so. The detail begins with the field. */
export class SetupRefused extends Schema.TaggedError<SetupRefused>()("SetupRefused", {
  what: Schema.Literals(["agent", "environment", "session", "vault"]),
  reason: Schema.Literals(["not_found", "archived", "unsupported"]),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }

  /** As the wire API names the errors of runs. */
  get type(): string {
    return this.reason === "unsupported" ? creationRejected : `${this.what}_${this.reason}_error`
  }
}

const isAgentId = Schema.is(AgentId)
const isEnvironmentId = Schema.is(EnvironmentId)

const isVaultId = Schema.is(VaultId)

const refuse = (what: SetupRefused["what"], reason: SetupRefused["reason"], detail: string) =>
  new SetupRefused({ what, reason, detail })

/** A version of an agent that is in use, or its newest. */
export const findAgent = Effect.fnUntraced(function* (
  catalog: Catalog["Service"],
  id: string,
  version: number | undefined
): Effect.fn.Return<Agent, SetupRefused | StorageError> {
  const agent = isAgentId(id) ? yield* catalog.agent(id, version) : Option.none()
  if (Option.isNone(agent)) {
    const what = version === undefined ? `agent ${id}` : `version ${version} of agent ${id}`
    return yield* refuse("agent", "not_found", `agent: ${what} does not exist`)
  }
  if (agent.value.archived_at !== null) return yield* refuse("agent", "archived", `agent: agent ${id} is archived`)
  return agent.value
})

/** An environment that is in use, of a backend that the deployment has. */
export const findEnvironment = Effect.fnUntraced(function* (
  catalog: Catalog["Service"],
  backends: ReadonlySet<Backend>,
  id: string
): Effect.fn.Return<Environment, SetupRefused | StorageError> {
  const environment = isEnvironmentId(id) ? yield* catalog.environment(id) : Option.none()
  if (Option.isNone(environment)) {
    return yield* refuse("environment", "not_found", `environment_id: environment ${id} does not exist`)
  }
  const { archived_at, config } = environment.value
  if (archived_at !== null)
    return yield* refuse("environment", "archived", `environment_id: environment ${id} is archived`)
  if (!backends.has(config.backend)) {
    const detail = `environment_id: environment ${id} asks for the backend ${config.backend}, which this deployment does not have`
    return yield* refuse("environment", "unsupported", detail)
  }
  return environment.value
})

/** Vaults that are in use, in their order. */
export const findVaults = Effect.fnUntraced(function* (
  vaults: Vaults["Service"],
  ids: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<VaultId>, SetupRefused | StorageError> {
  return yield* Effect.forEach(
    ids,
    Effect.fnUntraced(function* (id, index) {
      const field = `vault_ids[${index}]`
      if (ids.indexOf(id) < index) return yield* refuse("vault", "unsupported", `${field}: ${id} stands there twice`)
      const vault = isVaultId(id) ? yield* vaults.vault(id) : Option.none()
      if (Option.isNone(vault)) return yield* refuse("vault", "not_found", `${field}: vault ${id} does not exist`)
      if (vault.value.archived_at === null) return vault.value.id
      return yield* refuse("vault", "archived", `${field}: vault ${id} is archived`)
    })
  )
})

/** The agent as a session keeps it. */
export const sessionAgent = (agent: Agent): SessionAgent =>
  Struct.omit(agent, ["metadata", "created_at", "updated_at", "archived_at"])

/** The tool that takes the final answer has a name of its own. */
export const isFormTakeable = (
  output_config: OutputConfig | undefined,
  { tools }: SessionAgent
): Effect.Effect<void, SetupRefused> => {
  const index = tools.findIndex((tool) => tool.type === "custom" && tool.name === toolName)
  if (output_config === undefined || index < 0) return Effect.void
  const detail = `output_config: agent.tools[${index}].name is ${toolName}, the name of the tool through which the answer is given; rename it`
  return refuse("agent", "unsupported", detail)
}

/** A cost cannot be limited where it is not known. */
export const isBudgetable = (
  { max_list_cost }: Budget,
  { model }: SessionAgent
): Effect.Effect<void, BudgetRefused> => {
  if (max_list_cost === undefined) return Effect.void
  const unpriced = [model.id, ...(model.fallbacks ?? [])].find((id) => profileOf(id).price === null)
  if (unpriced === undefined) return Effect.void
  const detail = `${unpriced} has no known list price; limit max_tokens, max_steps, max_tool_calls or max_active_seconds instead`
  return Effect.fail(new BudgetRefused({ reason: "model_not_budgetable", detail }))
}
