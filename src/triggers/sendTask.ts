import * as Schema from "effect/Schema"
import { type TaskInput, TaskMessage } from "./TaskMessage.ts"

/** The part of a `Queue` binding that is used. */
export interface TaskQueueBinding {
  send(message: unknown): Promise<unknown>
}

const decode = Schema.decodeUnknownPromise(TaskMessage)

/**
 * Writes a task to the queue of an Ownloop deployment, from a Worker that has a producer binding of it. Rejects, and writes nothing, where
 * the task is not as its schema says. Give it an `idempotency_key` where the caller itself may be run again: the same key is the same task.
 *
 * @example
 * await sendTask(env.TASKS, { agent: "agent_...", environment_id: "env_...", input: "Summarise order 12", idempotency_key: "order-12" })
 */
export const sendTask = async (queue: TaskQueueBinding, task: TaskInput): Promise<void> => {
  await decode(task)
  await queue.send(task)
}
