import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { PageQuery } from "./Catalog.ts"
import type { Timestamp } from "./domain/Common.ts"
import type { Deployment, DeploymentStatus, PausedReason } from "./domain/Deployment.ts"
import type { DeploymentId, TaskId } from "./domain/Ids.ts"
import type { RunTask, Task, TriggerContext } from "./domain/Task.ts"
import type { StorageError, TimeRange } from "./Storage.ts"

/** The next run of a schedule, in milliseconds since the epoch. It is due when its jitter has passed too. */
export interface NextRun {
  readonly scheduledAt: number
  readonly dueAt: number
}

/** A deployment, and where its schedule stands. */
export interface StoredDeployment {
  readonly deployment: Deployment
  /** Null while nothing is to come: without a schedule, paused or archived. */
  readonly next: NextRun | null
  /** When the latest run of the schedule was started. */
  readonly lastRunAt: Timestamp | null
}

/** One that is due. */
export interface DueDeployment extends StoredDeployment {
  readonly next: NextRun
  /** Its runs that have not ended. */
  readonly openRuns: number
}

/** What becomes of a deployment that is due: everything at once, and only while its next run is still the one that it is due for. */
export interface Firing {
  readonly id: DeploymentId
  readonly scheduledAt: number
  readonly next: NextRun | null
  readonly lastRunAt: Timestamp | null
  /** The tasks of its runs. One that is final already never had a session. */
  readonly runs: ReadonlyArray<RunTask>
  /** Whether these runs begin only when those before them have ended. */
  readonly isQueued: boolean
  /** Its open runs are ended as `cancelled`: those that have no session at once, the others are noted to be. Null leaves them alone. */
  readonly cancels: { readonly at: Timestamp; readonly reason: string } | null
}

/** Deployments, their schedules, and their runs. A run is a task (`Tasks`). */
export class Deployments extends Context.Service<
  Deployments,
  {
    add(stored: StoredDeployment): Effect.Effect<void, StorageError>
    deployment(id: DeploymentId): Effect.Effect<Option.Option<StoredDeployment>, StorageError>
    /** Newest first. */
    deployments(
      page: PageQuery & {
        readonly includeArchived: boolean
        readonly agentId?: string
        readonly status?: DeploymentStatus
        readonly createdAt?: TimeRange
      }
    ): Effect.Effect<ReadonlyArray<StoredDeployment>, StorageError>
    /** False, and nothing written, where the deployment is no longer as it was read. */
    replace(stored: StoredDeployment, read: StoredDeployment): Effect.Effect<boolean, StorageError>
    /** Pauses one that is active. */
    pause(id: DeploymentId, reason: PausedReason, at: Timestamp): Effect.Effect<void, StorageError>

    /** Those whose next run is due, the longest due first. */
    due(now: number, limit: number): Effect.Effect<ReadonlyArray<DueDeployment>, StorageError>
    /**
     * Adds the runs of each, once, however many ask for it. Answers which deployments it was that did, and their tasks that have a session
     * to be ended.
     */
    fire(
      firings: ReadonlyArray<Firing>
    ): Effect.Effect<
      { readonly fired: ReadonlyArray<DeploymentId>; readonly ending: ReadonlyArray<Task> },
      StorageError
    >

    /** The task of a run. */
    run(id: TaskId): Effect.Effect<Option.Option<RunTask>, StorageError>
    /** The tasks of runs, newest first. */
    runs(
      page: PageQuery & {
        readonly deploymentId?: string
        readonly triggerType?: TriggerContext["type"]
        readonly hasError?: boolean
        readonly createdAt?: TimeRange
      }
    ): Effect.Effect<ReadonlyArray<RunTask>, StorageError>
  }
>()("ownloop/Deployments") {}
