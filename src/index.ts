/** What another Worker imports: its tools, the five services with their errors, and tasks. `ownloop/cloudflare` makes the Worker. */
export { type EventId, type SessionId } from "./domain/Ids.ts"
export type { SessionEvent, ModelUsage } from "./domain/Event.ts"
export { type Session, SessionRecord } from "./domain/Session.ts"
export {
  AuditFailed,
  type EgressRecord,
  type EgressRequest,
  EgressHttpClient,
  EgressPolicy,
  EgressSession,
  type Verdict
} from "./EgressPolicy.ts"
export * from "./ModelClient.ts"
export {
  type ExecResult,
  type FileInfo,
  type GrepMatch,
  limits as sandboxLimits,
  SandboxBackend,
  SandboxError,
  SandboxUnavailable,
  workspaceRoot
} from "./SandboxBackend.ts"
export { Sessions } from "./Sessions.ts"
export { type Checkpoint, type EventQuery, type LogEntry, Storage, StorageError } from "./Storage.ts"
export * as StructuredOutput from "./StructuredOutput.ts"
export { type ToolListing, ToolRegistry, type ToolResult } from "./ToolRegistry.ts"
export {
  defineTool,
  type Tool,
  type ToolContext,
  type ToolDefinition,
  type ToolEnv,
  ToolFailure,
  type ToolOutput
} from "./tools/defineTool.ts"
export { sendTask, type TaskQueueBinding } from "./triggers/sendTask.ts"
export type { TaskInput } from "./triggers/TaskMessage.ts"
export { Workspace, type WorkspaceChange, type WorkspaceEntry } from "./Workspace.ts"
