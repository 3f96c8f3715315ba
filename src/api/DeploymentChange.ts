import * as Effect from "effect/Effect"
import { Catalog } from "../Catalog.ts"
import { patchMetadata } from "../domain/Common.ts"
import type { Deployment, Schedule } from "../domain/Deployment.ts"
import type { DeploymentId } from "../domain/Ids.ts"
import type { OutputConfig } from "../domain/StructuredOutput.ts"
import { formOf } from "../model/OutputConfigInput.ts"
import * as Setup from "../triggers/Setup.ts"
import { Vaults } from "../Vaults.ts"
import { Deployment as Own } from "./Deployment.ts"
import type { CreateDeployment, ScheduleInput, UpdateDeployment } from "./Deployments.ts"

/** Deployments as clients ask for them, of which each part is there and in use now. */
export const make = Effect.gen(function* () {
  const catalog = yield* Catalog
  const vaults = yield* Vaults
  const { backends } = yield* Own

  /** What a run would be set up from, checked as if it began now. The agent is that of the newest version, where none is named. */
  const check = Effect.fnUntraced(function* (
    reference: (typeof CreateDeployment.Type)["agent"],
    { environment_id, vault_ids, budget }: Pick<Deployment, "environment_id" | "vault_ids" | "budget">,
    output_config: OutputConfig | undefined
  ) {
    const { id, version } = typeof reference === "string" ? { id: reference, version: undefined } : reference
    const [agent] = yield* Effect.all(
      [
        Setup.findAgent(catalog, id, version ?? undefined),
        Setup.findEnvironment(catalog, backends, environment_id),
        Setup.findVaults(vaults, vault_ids)
      ],
      { concurrency: 3 }
    )
    const frozen = Setup.sessionAgent(agent)
    if (budget !== null) yield* Setup.isBudgetable(budget, frozen)
    yield* Setup.isFormTakeable(output_config, frozen)
    return { type: "agent", id: agent.id, version: agent.version } as const
  })

  const create = Effect.fnUntraced(function* (input: typeof CreateDeployment.Type, id: DeploymentId, at: string) {
    const parts = {
      environment_id: input.environment_id,
      vault_ids: input.vault_ids ?? [],
      budget: input.budget ?? null,
      ...formOf(input.output_config)
    }
    const deployment: Deployment = {
      type: "deployment",
      id,
      name: input.name,
      description: input.description ?? null,
      agent: yield* check(input.agent, parts, parts.output_config),
      ...parts,
      initial_events: input.initial_events,
      metadata: input.metadata ?? {},
      resources: [],
      schedule: scheduleOf(input.schedule),
      status: "active",
      paused_reason: null,
      created_at: at,
      updated_at: at,
      archived_at: null
    }
    return deployment
  })

  const update = Effect.fnUntraced(function* (
    { output_config, ...kept }: Deployment,
    change: typeof UpdateDeployment.Type
  ) {
    const form =
      change.output_config === undefined
        ? output_config === undefined
          ? {}
          : { output_config }
        : formOf(change.output_config)
    const parts = {
      environment_id: change.environment_id ?? kept.environment_id,
      vault_ids: change.vault_ids === undefined ? kept.vault_ids : (change.vault_ids ?? []),
      budget: change.budget === undefined ? kept.budget : change.budget
    }
    const deployment: Deployment = {
      ...kept,
      ...parts,
      ...form,
      name: change.name ?? kept.name,
      description: change.description === undefined ? kept.description : change.description || null,
      agent: yield* check(change.agent ?? kept.agent, parts, form.output_config),
      initial_events: change.initial_events ?? kept.initial_events,
      metadata: yield* patchMetadata(kept.metadata, change.metadata),
      schedule: change.schedule === undefined ? kept.schedule : scheduleOf(change.schedule)
    }
    return deployment
  })

  return { create, update }
})

const scheduleOf = (input: ScheduleInput | null | undefined): Schedule | null =>
  input
    ? {
        type: "cron",
        expression: input.expression,
        timezone: input.timezone,
        overlap_policy: input.overlap_policy ?? "skip",
        catch_up_policy: input.catch_up_policy ?? "latest",
        jitter_seconds: input.jitter_seconds ?? 0
      }
    : null
