import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Catalog } from "../Catalog.ts"
import { now } from "../domain/Common.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { Task } from "../domain/Task.ts"
import { Mailboxes } from "../Mailboxes.ts"
import { Vaults } from "../Vaults.ts"
import { mailboxOf } from "./mailboxOf.ts"
import { Backends } from "./Settings.ts"
import { findAgent, findEnvironment, findVaults, isBudgetable, isFormTakeable, sessionAgent } from "./Setup.ts"

/** Makes the session that a task asks for, as it is kept. */
export const make = Effect.gen(function* () {
  const catalog = yield* Catalog
  const vaults = yield* Vaults
  const mailboxes = yield* Mailboxes
  const backends = yield* Backends

  return Effect.fnUntraced(function* (task: Task, id: SessionId) {
    const [agent, environment, vault_ids] = yield* Effect.all(
      [
        findAgent(catalog, task.agent.id, task.agent.version ?? undefined),
        findEnvironment(catalog, backends, task.environment_id),
        findVaults(vaults, task.vault_ids)
      ],
      { concurrency: 3 }
    )
    const frozen = sessionAgent(agent)
    yield* isFormTakeable(task.output_config, frozen)
    if (task.budget !== null) yield* isBudgetable(task.budget, frozen)
    const mailbox_id = Option.getOrUndefined(yield* mailboxOf(mailboxes, task))
    return {
      id,
      agent: frozen,
      environment_id: environment.id,
      environment: environment.config,
      vault_ids,
      budget: task.budget,
      ...(task.output_config === undefined ? {} : { output_config: task.output_config }),
      task_id: task.id,
      ...(mailbox_id === undefined ? {} : { mailbox_id }),
      ...(task.deployment_run === undefined ? {} : { deployment_id: task.deployment_run.deployment_id }),
      title: null,
      metadata: task.metadata,
      created_at: yield* now,
      archived_at: null
    }
  })
})
