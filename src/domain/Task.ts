import * as Schema from "effect/Schema"
import { Budget } from "./Budget.ts"
import { Metadata, Timestamp } from "./Common.ts"
import { Attachment, TextBlock } from "./Event.ts"
import { MailId, SessionId, TaskId } from "./Ids.ts"

/**
 * `queued`: waits for a place among the sessions that run at the same time. `claimed`: has a session, which has not begun. `running` and
 * `waiting` (for a person or a client) are what its session does. The others are final: `expired` is past its deadline.
 */
export const TaskStatus = Schema.Literals([
  "queued",
  "claimed",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "expired",
  "cancelled"
])
export type TaskStatus = typeof TaskStatus.Type

/** A status that never changes again, unless the task is retried. */
export const FinalStatus = Schema.Literals(["succeeded", "failed", "expired", "cancelled"])
export type FinalStatus = typeof FinalStatus.Type

export const isFinal = Schema.is(FinalStatus)

/** Statuses of a task that may still come to something. */
export const openStatuses = ["queued", "claimed", "running", "waiting"] as const satisfies ReadonlyArray<TaskStatus>

/** Statuses of a task whose session takes one of the places. One that waits takes none: it costs nothing meanwhile. */
export const placedStatuses = ["claimed", "running"] as const satisfies ReadonlyArray<TaskStatus>

/** Where an outcome is sent: `queue` names a queue binding of the Worker, `mail` a mail that came, in whose thread it is answered. */
export const ReplyTo = Schema.Union([
  Schema.Struct({ type: Schema.Literal("queue"), queue: Schema.NonEmptyString }),
  Schema.Struct({ type: Schema.Literal("webhook"), url: Schema.NonEmptyString }),
  Schema.Struct({ type: Schema.Literal("mail"), mail: MailId })
])
export type ReplyTo = typeof ReplyTo.Type

export const TaskEvent = Schema.Struct({
  type: Schema.Literal("user.message"),
  content: Schema.NonEmptyArray(TextBlock),
  /** Files that came with a mail. */
  attachments: Schema.optionalKey(Schema.Array(Attachment))
})
export type TaskEvent = typeof TaskEvent.Type

export const Transition = Schema.Struct({
  status: TaskStatus,
  at: Timestamp,
  /** Why, where it is not what the status says by itself. */
  reason: Schema.NullOr(Schema.String)
})
export type Transition = typeof Transition.Type

/** A file that the session left in `/workspace/outputs`; `path` is relative to it. It is kept as long as its session. */
export const Artifact = Schema.Struct({ path: Schema.String, size: Schema.Int })
export type Artifact = typeof Artifact.Type

/** What a task came to. There is one for each attempt that ended, and it never changes. */
export const Outcome = Schema.Struct({
  status: FinalStatus,
  /** The agent's last message; null where it said nothing. A long one is cut off: the session's events have the whole. */
  text: Schema.NullOr(Schema.String),
  is_truncated: Schema.Boolean,
  /** The answer in the form that the session asked for; null where it asked for none or none came. */
  structured_output: Schema.NullOr(Schema.Json),
  artifacts: Schema.Array(Artifact),
  usage: Schema.Struct({
    input_tokens: Schema.Int,
    output_tokens: Schema.Int,
    cache_read_input_tokens: Schema.Int
  }),
  /** At list price, of the requests whose model has one. */
  list_cost_usd: Schema.Finite,
  /** Why it did not succeed. */
  error: Schema.NullOr(Schema.Struct({ type: Schema.String, message: Schema.String }))
})
export type Outcome = typeof Outcome.Type

/** A request for a session that comes to an outcome. Whatever has the same idempotency key is the same task. */
export const Task = Schema.Struct({
  type: Schema.Literal("task"),
  id: TaskId,
  idempotency_key: Schema.String,
  status: TaskStatus,
  /** A version of null is the newest when the session starts. */
  agent: Schema.Struct({ type: Schema.Literal("agent"), id: Schema.String, version: Schema.NullOr(Schema.Int) }),
  environment_id: Schema.String,
  /** Absent in lists. */
  initial_events: Schema.optionalKey(Schema.Array(TaskEvent)),
  deadline: Schema.NullOr(Timestamp),
  budget: Schema.NullOr(Budget),
  reply_to: Schema.NullOr(ReplyTo),
  metadata: Metadata,
  /** 1, and one more for every retry. Each attempt has a session of its own. */
  attempt: Schema.Int,
  session_id: Schema.NullOr(SessionId),
  /** The session whose work it goes on with, and which it creates where there is none yet. Absent where each attempt has one of its own. */
  continues: Schema.optionalKey(SessionId),
  /** What its session is being ended for. */
  ending: Schema.NullOr(Schema.Literals(["cancelled", "expired"])),
  /** Every status that it had, oldest first. */
  transitions: Schema.Array(Transition),
  outcome: Schema.NullOr(Outcome),
  created_at: Timestamp,
  updated_at: Timestamp
})
export type Task = typeof Task.Type
