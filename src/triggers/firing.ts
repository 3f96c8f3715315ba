import * as Hash from "effect/Hash"
import * as Result from "effect/Result"
import type { Deployment, OverlapPolicy } from "../domain/Deployment.ts"
import type { DueDeployment, NextRun } from "../Deployments.ts"
import * as CronSchedule from "./CronSchedule.ts"

/** What becomes of a deployment whose schedule is due. All of it is pure. */

/** Milliseconds after which a time counts as missed, and not as late. */
const grace = 600_000

/** Milliseconds back to which `catch_up_policy: all` makes up for what was missed. */
const longestCatchUp = 24 * 3_600_000

/** Runs that one firing starts. */
const maxRuns = 50

/** Runs of a deployment that wait for each other. */
const maxQueued = 100

const timestamp = (millis: number) => new Date(millis).toISOString()

/** A run at a time of the schedule, or why there is none. */
export interface PlannedRun {
  readonly scheduledAt: number
  readonly error: { readonly type: string; readonly message: string } | null
}

export interface Plan {
  readonly runs: ReadonlyArray<PlannedRun>
  readonly next: NextRun | null
}

/** The times of a deployment's schedule; null where it has none that can be read. */
export const scheduleOf = ({ schedule }: Pick<Deployment, "schedule">): CronSchedule.CronSchedule | null =>
  schedule === null ? null : Result.getOrNull(CronSchedule.parse(schedule.expression, schedule.timezone))

/** How much later than their times the runs of a deployment are: always the same, so that none overtakes another. */
const jitterOf = ({ id, schedule }: Pick<Deployment, "id" | "schedule">): number =>
  (Math.abs(Hash.string(id)) % ((schedule?.jitter_seconds ?? 0) + 1)) * 1000

/** The first run after a time; null where none is to come. */
export const nextRun = (deployment: Deployment, after: number, times = scheduleOf(deployment)): NextRun | null => {
  const isAwake = deployment.status === "active" && deployment.archived_at === null
  const scheduledAt = isAwake ? (times?.next(after) ?? null) : null
  return scheduledAt === null ? null : { scheduledAt, dueAt: scheduledAt + jitterOf(deployment) }
}

/** What runs, and what is said of the times that do not. */
export const plan = ({ deployment, next, openRuns }: DueDeployment, now: number): Plan => {
  const times = scheduleOf(deployment)
  const { schedule } = deployment
  if (schedule === null || times === null) return { runs: [], next: null }
  const first = next.scheduledAt
  const until = Math.max(first, now - (next.dueAt - first))
  const due = timesToRun(schedule.catch_up_policy, times, first, until)
  const begin = due[0] ?? Infinity
  const runs: Array<PlannedRun> = overlapping(
    schedule.overlap_policy,
    due.map((scheduledAt) => ({ scheduledAt, error: null })),
    openRuns
  )
  if (first < begin) {
    const last = times.latest(first, Math.min(until, begin - 1)) ?? first
    runs.unshift({ scheduledAt: first, error: missed(first, last, schedule.catch_up_policy) })
  }
  return { runs, next: nextRun(deployment, due.at(-1) ?? until, times) }
}

/** Of the times from `first` on, those that a run is started for. */
const timesToRun = (
  policy: NonNullable<Deployment["schedule"]>["catch_up_policy"],
  times: CronSchedule.CronSchedule,
  first: number,
  until: number
): ReadonlyArray<number> => {
  const latest = times.latest(first - 1, until) ?? first
  switch (policy) {
    case "none":
      return until - latest <= grace ? [latest] : []
    case "latest":
      return [latest]
    case "all":
      return times.between(Math.min(latest, Math.max(first, until - longestCatchUp)) - 1, until, maxRuns)
  }
}

const overlapping = (policy: OverlapPolicy, runs: ReadonlyArray<PlannedRun>, openRuns: number): Array<PlannedRun> =>
  runs.map((run, index) => {
    const isFirst = index === 0 && openRuns === 0
    switch (policy) {
      case "skip":
        return isFirst ? run : { ...run, error: skipped("another run of the deployment has not ended") }
      case "queue":
        return openRuns + index < maxQueued ? run : { ...run, error: skipped(`${maxQueued} runs wait already`) }
      // Of several at once only the last would not be cancelled by the next.
      case "cancel_running":
        return index === runs.length - 1 ? run : { ...run, error: skipped("the next run came at the same time") }
    }
    // oxlint-disable-next-line no-unreachable -- every policy returns
    return run
  })

const skipped = (reason: string) => ({ type: "overlap_skipped_error", message: `this run was skipped: ${reason}` })

const missed = (from: number, to: number, policy: string) => ({
  type: "schedule_missed_error",
  message: `nothing ran ${from === to ? `at ${timestamp(from)}` : `from ${timestamp(from)} to ${timestamp(to)}`}, and catch_up_policy ${policy} does not make up for it`
})
