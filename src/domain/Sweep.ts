import * as Schema from "effect/Schema"
import { Timestamp } from "./Common.ts"
import { SessionId, TaskId } from "./Ids.ts"

/** Something that was not as it should be, and was put right. */
export const Sweep = Schema.Struct({
  type: Schema.Literal("sweep"),
  id: Schema.String,
  found: Schema.Literals([
    /** The task was claimed, and its session had not begun. */
    "session_not_started",
    /** The task's session does not exist. */
    "session_gone",
    /** The session had something to do, and nothing would have woken it. */
    "session_asleep",
    /** The session was asked to end, and had not. */
    "session_not_ended",
    /** The task's deadline passed. */
    "deadline_passed"
  ]),
  session_id: Schema.NullOr(SessionId),
  task_id: Schema.NullOr(TaskId),
  /** What was done about it. */
  action: Schema.String,
  created_at: Timestamp
})
export type Sweep = typeof Sweep.Type
