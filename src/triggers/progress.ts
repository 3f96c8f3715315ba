import type { SessionEvent, SessionEventType, TaskAttempt } from "../domain/Event.ts"
import type { TaskStatus } from "../domain/Task.ts"
import type { Cursor } from "../OutboxCursor.ts"

/** What a session's log means for the task that it was started for. */

/** The events that say something about it. */
export const telling: ReadonlyArray<SessionEventType> = [
  "user.message",
  "user.interrupt",
  "session.status_running",
  "session.status_idle",
  "session.status_rescheduled",
  "session.status_terminated",
  "session.updated",
  "session.error"
]

export interface Step {
  readonly status: TaskStatus
  readonly reason: string | null
  /** Why a task failed. */
  readonly error: { readonly type: string; readonly message: string } | null
}

const step = (status: TaskStatus, reason: string | null = null): Step => ({ status, reason, error: null })

const failed = (type: string, message: string): Step => ({ status: "failed", reason: type, error: { type, message } })

type Message = Extract<SessionEvent, { readonly type: "user.message" }>

/** One that is queued may belong to the turn behind this one. */
const isTakenInForTask = (event: Message): event is Message & { readonly task: TaskAttempt } =>
  event.task !== undefined && event.processed_at !== null

/** What is known after one more event. */
export const advance = (cursor: Cursor, event: SessionEvent): Cursor => {
  switch (event.type) {
    case "user.message":
      return isTakenInForTask(event)
        ? { ...cursor, tasks: [...new Set([...(cursor.tasks ?? []), event.task.id])] }
        : cursor
    case "user.interrupt":
      return { ...cursor, isInterrupted: true }
    case "session.error":
      return { ...cursor, lastError: { type: event.error.type, message: event.error.message } }
    case "session.status_idle":
      return event.stop_reason.type === "requires_action"
        ? cursor
        : { ...cursor, isInterrupted: false, ...(cursor.tasks === undefined ? {} : { tasks: [] }) }
    default:
      return cursor
  }
}

/** Where the event takes the task, given what was known before it; null where it says nothing. A task ends where its session first
 * rests after it took its message in. */
export const stepOf = ({ isInterrupted, lastError }: Cursor, event: SessionEvent): Step | null => {
  switch (event.type) {
    case "user.message":
      return isTakenInForTask(event) ? step("running") : null
    case "session.status_running":
      return step("running")
    case "session.status_terminated":
      return failed(lastError?.type ?? "session_terminated", lastError?.message ?? "the session was terminated")
    case "session.status_idle": {
      const { stop_reason: reason } = event
      if (isInterrupted && reason.type !== "requires_action") return step("cancelled", "interrupted")
      switch (reason.type) {
        case "end_turn":
          return step("succeeded")
        case "requires_action":
          return step("waiting", "requires_action")
        case "budget_reached":
          return failed("budget_reached", `the session reached ${reason.limit ?? "a limit"} of its budget`)
        case "retries_exhausted":
          return failed(lastError?.type ?? "retries_exhausted", lastError?.message ?? "the session could not go on")
      }
    }
    // oxlint-disable-next-line no-fallthrough -- every reason returns
    default:
      return null
  }
}

/** What the wire API tells webhooks of an event, in its own words. */
export const hooksOf = (event: SessionEvent): ReadonlyArray<string> => {
  switch (event.type) {
    case "session.status_running":
      return ["session.status_run_started"]
    case "session.status_rescheduled":
      return ["session.status_rescheduled"]
    case "session.status_terminated":
      return ["session.status_terminated"]
    case "session.updated":
      return ["session.updated"]
    case "session.status_idle":
      switch (event.stop_reason.type) {
        case "requires_action":
          return ["session.status_idled", "session.requires_action"]
        case "budget_reached":
          return ["session.status_idled", "session.budget_reached"]
        default:
          return ["session.status_idled"]
      }
    default:
      return []
  }
}
