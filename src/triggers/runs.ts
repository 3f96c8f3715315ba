import type { Deployment, DeploymentRun } from "../domain/Deployment.ts"
import type { DeploymentRunId, TaskId } from "../domain/Ids.ts"
import { isFinal, type RunTask, type TriggerContext } from "../domain/Task.ts"
import { emptyOutcome } from "./messages.ts"
import type { PlannedRun } from "./firing.ts"

/** A run of a deployment is a task: how one becomes the other. */

export const runIdOf = (id: TaskId): DeploymentRunId => `drun_${id.slice("task_".length)}` as DeploymentRunId // An id of the same form.

export const taskIdOf = (id: DeploymentRunId): TaskId => `task_${id.slice("drun_".length)}` as TaskId // An id of the same form.

/** The task of a run. Where there is an error it has ended already, without a session. */
export const toTask = (
  deployment: Deployment,
  {
    id,
    trigger_context,
    error,
    at
  }: {
    readonly id: TaskId
    readonly trigger_context: TriggerContext
    readonly error: PlannedRun["error"]
    readonly at: string
  }
): RunTask => {
  const status = error === null ? "queued" : "failed"
  return {
    type: "task",
    id,
    idempotency_key: runIdOf(id),
    status,
    agent: deployment.agent,
    environment_id: deployment.environment_id,
    initial_events: deployment.initial_events,
    deadline: null,
    budget: deployment.budget,
    vault_ids: deployment.vault_ids,
    ...(deployment.output_config === undefined ? {} : { output_config: deployment.output_config }),
    reply_to: null,
    metadata: {},
    deployment_run: { deployment_id: deployment.id, trigger_context },
    attempt: 1,
    session_id: null,
    ending: null,
    transitions: [{ status, at, reason: error?.type ?? null }],
    outcome: error === null ? null : emptyOutcome("failed", error),
    created_at: at,
    updated_at: at
  }
}

const cancelled = { type: "cancelled_error", message: "it was cancelled before its session began" }

export const toRun = ({
  id,
  agent,
  session_id,
  status,
  outcome,
  created_at,
  deployment_run
}: RunTask): DeploymentRun => ({
  type: "deployment_run",
  id: runIdOf(id),
  ...deployment_run,
  // Every deployment names the version of its agent.
  agent: { ...agent, version: agent.version ?? 1 },
  session_id,
  error: session_id === null && isFinal(status) ? (outcome?.error ?? cancelled) : null,
  task_id: id,
  status,
  outcome,
  created_at
})
