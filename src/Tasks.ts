import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { PageQuery } from "./Catalog.ts"
import type { Timestamp } from "./domain/Common.ts"
import type { DeadLetter } from "./domain/DeadLetter.ts"
import type { Delivery } from "./domain/Delivery.ts"
import type { SessionId, TaskId } from "./domain/Ids.ts"
import type { Sweep } from "./domain/Sweep.ts"
import type { Task, TaskStatus } from "./domain/Task.ts"
import type { StorageError } from "./Storage.ts"

/** Sessions of tasks that may run at the same time. */
export interface TaskLimits {
  readonly concurrency: number
  readonly concurrencyPerAgent: number
}

/** A step of a task, which is taken where the task still stands where it is expected. */
export interface TaskChange {
  readonly id: TaskId
  /** Only from one of these. */
  readonly from: ReadonlyArray<TaskStatus>
  /** Only while this is its session. */
  readonly session?: SessionId
  /** Only where nothing at this place of the session's log, or after it, was told before. */
  readonly seq?: number
  readonly status: TaskStatus
  readonly at: Timestamp
  readonly reason: string | null
  readonly set?: Partial<Pick<Task, "outcome" | "session_id" | "attempt" | "ending" | "deadline">>
  /** Are added in the same write. */
  readonly deliveries?: ReadonlyArray<Delivery>
}

/** Which tasks or sessions a sweep looks at: not those that were heard of, or looked at, since this time. */
export interface Quiet {
  readonly before: Timestamp
  readonly limit: number
}

/** The tasks of this deployment, and what was noted about messages and sessions that went wrong. */
export class Tasks extends Context.Service<
  Tasks,
  {
    /** Adds the task, or answers the one that has its idempotency key. */
    add(task: Task): Effect.Effect<Task, StorageError>
    task(id: TaskId): Effect.Effect<Option.Option<Task>, StorageError>
    /** Newest first, without their initial events. */
    tasks(
      page: PageQuery & { readonly statuses?: ReadonlyArray<TaskStatus>; readonly agentId?: string }
    ): Effect.Effect<ReadonlyArray<Task>, StorageError>
    /** Gives this session, or the one that it goes on with, to the oldest queued task that the limits let start; none where there is no such task. */
    claim(session: SessionId, limits: TaskLimits, at: Timestamp): Effect.Effect<Option.Option<Task>, StorageError>
    /** Answers the task after the change; none, and nothing written, where it was not as expected. */
    change(change: TaskChange): Effect.Effect<Option.Option<Task>, StorageError>
    /** Notes what an open task that has a session is ended for; none, and nothing written, where it is queued or final. */
    end(id: TaskId, ending: "cancelled" | "expired", at: Timestamp): Effect.Effect<Option.Option<Task>, StorageError>

    /** Open tasks whose deadline has passed by `at` and which are not being ended. */
    overdue(at: Timestamp, limit: number): Effect.Effect<ReadonlyArray<Task>, StorageError>
    /** Tasks that have a session and are not final; they count as looked at from `at` on. Never the same for two sweeps at once. */
    quiet(quiet: Quiet, at: Timestamp): Effect.Effect<ReadonlyArray<Task>, StorageError>
    /** Sessions that the index shows at work. The same as above. */
    quietSessions(quiet: Quiet, at: Timestamp): Effect.Effect<ReadonlyArray<SessionId>, StorageError>
    addSweep(sweep: Sweep): Effect.Effect<void, StorageError>
    /** Newest first. */
    sweeps(page: PageQuery): Effect.Effect<ReadonlyArray<Sweep>, StorageError>

    /** Creates or replaces. */
    putDeadLetter(letter: DeadLetter): Effect.Effect<void, StorageError>
    deadLetter(id: string): Effect.Effect<Option.Option<DeadLetter>, StorageError>
    /** Newest first. */
    deadLetters(page: PageQuery): Effect.Effect<ReadonlyArray<DeadLetter>, StorageError>

    /** Forgets what was noted before this time: sweeps, and dead letters that were replayed. */
    deleteNotesBefore(time: Timestamp): Effect.Effect<void, StorageError>
  }
>()("ownloop/Tasks") {}
