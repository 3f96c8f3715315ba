import * as Schema from "effect/Schema"
import { Timestamp } from "./Common.ts"
import { SessionId, TaskId } from "./Ids.ts"
import { ReplyTo } from "./Task.ts"

/**
 * A message on its way to the outside: the outcome of a task, or an event of a session. Those of one session to one place leave in their
 * order: none is tried while one before it is pending.
 */
export const Delivery = Schema.Struct({
  type: Schema.Literal("delivery"),
  /** Also the message's own id (`webhook-id`): the same for every attempt, so that a receiver knows what it has seen. */
  id: Schema.String,
  to: Schema.Union([
    ...ReplyTo.members,
    /** A person who is asked something. */
    Schema.Struct({ type: Schema.Literal("approver"), address: Schema.String })
  ]),
  session_id: Schema.NullOr(SessionId),
  task_id: Schema.NullOr(TaskId),
  /** What is told, for example `task.succeeded` or `session.status_idled`. */
  event: Schema.String,
  status: Schema.Literals(["pending", "delivered", "failed"]),
  attempts: Schema.Int,
  /** Why the last attempt failed. */
  last_error: Schema.NullOr(Schema.String),
  created_at: Timestamp,
  updated_at: Timestamp,
  /** Absent in lists. */
  payload: Schema.optionalKey(Schema.Json)
})
export type Delivery = typeof Delivery.Type

export const DeliveryStatus = Delivery.fields.status
