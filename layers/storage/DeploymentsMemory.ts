import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PageQuery } from "../../src/Catalog.ts"
import { isFinal, type RunTask, type Task } from "../../src/domain/Task.ts"
import { Deployments, type Firing, type StoredDeployment } from "../../src/Deployments.ts"
import { emptyOutcome } from "../../src/triggers/messages.ts"
import { isShown, isWithin, pageOf } from "./Pages.ts"
import { isStarted, type TaskRows } from "./TaskRowsMemory.ts"

export const make = ({ tasks, held, move, openRuns }: TaskRows): Deployments["Service"] => {
  const deployments = new Map<string, StoredDeployment>()

  const endOpenRuns = ({ id, cancels }: Firing): ReadonlyArray<Task> => {
    if (cancels === null) return []
    const { at, reason } = cancels
    return openRuns(id).flatMap((task) => {
      if (!isStarted(task)) {
        move(task, "cancelled", at, reason, { outcome: emptyOutcome("cancelled", null) })
        return []
      }
      const ending: Task = { ...task, ending: task.ending ?? "cancelled", updated_at: at }
      tasks.set(task.id, ending)
      return [ending]
    })
  }

  const add = ({ id, isQueued }: Firing, task: Task) => {
    const isKnown = [...tasks.values()].some(({ deployment_run: run }) => isSameTime(run, task.deployment_run))
    if (isKnown) return
    if (isQueued && openRuns(id).length > 0) held.add(task.id)
    tasks.set(task.id, task)
  }

  const runsOf = (page: PageQuery, isWanted: (task: RunTask) => boolean) =>
    pageOf([...tasks.values()].filter(isRun).filter(isWanted), page)

  return Deployments.of({
    add: Effect.fn("Deployments.add")(function* (stored) {
      deployments.set(stored.deployment.id, stored)
    }),
    deployment: Effect.fn("Deployments.deployment")(function* (id) {
      return Option.fromUndefinedOr(deployments.get(id))
    }),
    deployments: Effect.fn("Deployments.deployments")(function* ({
      includeArchived,
      agentId,
      status,
      createdAt,
      ...page
    }) {
      const found = [...deployments.values()]
        .map(({ deployment }) => deployment)
        .filter(isShown(includeArchived))
        .filter(({ agent }) => agentId === undefined || agent.id === agentId)
        .filter((deployment) => status === undefined || deployment.status === status)
        .filter(isWithin(createdAt))
      return pageOf(found, page).map(({ id }) => deployments.get(id)!)
    }),
    replace: Effect.fn("Deployments.replace")(function* (stored, read) {
      const { id } = stored.deployment
      const kept = deployments.get(id)
      const isAsRead =
        kept?.deployment.updated_at === read.deployment.updated_at && kept.next?.scheduledAt === read.next?.scheduledAt
      if (isAsRead) deployments.set(id, { ...stored, lastRunAt: kept.lastRunAt })
      return isAsRead
    }),
    pause: Effect.fn("Deployments.pause")(function* (id, reason, at) {
      const kept = deployments.get(id)
      if (kept === undefined || kept.deployment.archived_at !== null || kept.deployment.status !== "active") return
      const deployment = { ...kept.deployment, status: "paused", paused_reason: reason, updated_at: at } as const
      deployments.set(id, { ...kept, deployment, next: null })
    }),

    due: Effect.fn("Deployments.due")(function* (now, limit) {
      return [...deployments.values()]
        .flatMap((stored) =>
          stored.next !== null && stored.next.dueAt <= now
            ? [{ ...stored, next: stored.next, openRuns: openRuns(stored.deployment.id).length }]
            : []
        )
        .sort((a, b) => a.next.dueAt - b.next.dueAt)
        .slice(0, limit)
    }),
    fire: Effect.fn("Deployments.fire")(function* (firings) {
      const due = firings.filter(({ id, scheduledAt }) => deployments.get(id)?.next?.scheduledAt === scheduledAt)
      const ending = due.flatMap((firing) => {
        const kept = deployments.get(firing.id)!
        const ending = endOpenRuns(firing)
        firing.runs.forEach((task) => add(firing, task))
        deployments.set(firing.id, { ...kept, next: firing.next, lastRunAt: firing.lastRunAt ?? kept.lastRunAt })
        return ending
      })
      return { fired: due.map(({ id }) => id), ending }
    }),

    run: Effect.fn("Deployments.run")(function* (id) {
      return Option.filter(Option.fromUndefinedOr(tasks.get(id)), isRun)
    }),
    runs: Effect.fn("Deployments.runs")(function* ({ deploymentId, triggerType, hasError, createdAt, ...page }) {
      const isFailed = ({ session_id, status }: Task) => session_id === null && isFinal(status)
      return runsOf(
        page,
        (task) =>
          (deploymentId === undefined || task.deployment_run.deployment_id === deploymentId) &&
          (triggerType === undefined || task.deployment_run.trigger_context.type === triggerType) &&
          (hasError === undefined || (hasError ? isFailed(task) : task.session_id !== null)) &&
          isWithin(createdAt)(task)
      )
    })
  })
}

const isRun = (task: Task): task is RunTask => task.deployment_run !== undefined

const isSameTime = (one: Task["deployment_run"], other: Task["deployment_run"]) =>
  one?.trigger_context.type === "schedule" &&
  other?.trigger_context.type === "schedule" &&
  one.deployment_id === other.deployment_id &&
  one.trigger_context.scheduled_at === other.trigger_context.scheduled_at
