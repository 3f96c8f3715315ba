import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export class QueueError extends Schema.TaggedError<QueueError>()("QueueError", { cause: Schema.Defect() }) {
  override get message(): string {
    return "the queue did not take the message"
  }
}

export type SendMessage = (message: Schema.Json) => Effect.Effect<void, QueueError>

/** The queues that outcomes may be sent to, by the names of their bindings. */
export class ReplyQueues extends Context.Service<ReplyQueues, ReadonlyMap<string, SendMessage>>()(
  "ownloop/triggers/ReplyQueues"
) {}

/** The queue that tasks come from. */
export class TaskQueueOut extends Context.Service<TaskQueueOut, SendMessage>()("ownloop/triggers/TaskQueueOut") {}
