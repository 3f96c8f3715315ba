/** What another Worker imports. */
export { sendTask, type TaskQueueBinding } from "./triggers/sendTask.ts"
export type { TaskInput } from "./triggers/TaskMessage.ts"
