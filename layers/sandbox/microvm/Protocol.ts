import type {
  AgentId,
  EnvironmentId,
  EventId,
  PolicyId,
  SessionId,
  SnapshotId,
  VaultId
} from "../../../src/domain/Ids.ts"
import type { WorkspaceSnapshot } from "../../../src/domain/WorkspaceSnapshot.ts"
import type { Saved } from "../../../src/Snapshots.ts"

/** What a session's object and its machine say to each other, over the RPC of Durable Objects. */

/** Whose machine it is: what the gateway decides by. Only the session's own object says it. */
export interface Owner {
  readonly sessionId: SessionId
  readonly environmentId: EnvironmentId
  readonly agentId: AgentId
  readonly policyIds: ReadonlyArray<PolicyId>
  readonly vaultIds: ReadonlyArray<VaultId>
}

/** Whose call it is, and what a machine that starts for it begins with. */
export interface Use {
  readonly owner: Owner
  readonly saved: Saved
}

/** A command for the session's shell. */
export interface Run {
  /** By which it can be cancelled. */
  readonly id: string
  /** On whose behalf it sends what it sends. */
  readonly toolUseId: EventId | null
  readonly command: string
  /** What the shell is given beside its own; none of it is a secret. */
  readonly variables: Readonly<Record<string, string>>
  /** Milliseconds. */
  readonly timeout: number
  /** Bytes kept of stdout and of stderr, each. */
  readonly output: number
}

export interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
  readonly timedOut: boolean
  readonly truncated: boolean
}

/** What is at a path that could not be read or written; `detail` says it as the system does. */
export interface PathProblem {
  readonly kind: "missing" | "folder" | "invalid" | "full"
  readonly detail: string
}

export type Reply<A> =
  | { readonly value: A }
  | { readonly problem: PathProblem }
  /** Nothing is known of what the machine did. */
  | { readonly unavailable: string }
  /** The machine began anew, without what was written since this time; null where nothing was ever saved. Nothing was done. */
  | { readonly lostSince: string | null }

export interface Machine {
  run(use: Use, run: Run): Promise<Reply<Ran>>
  /** The tool call that the session's shell runs for: what a machine sends says nothing of who asked for it. */
  toolUse(): Promise<EventId | null>
  /** Kills a command with all that it started, also where it has not begun. */
  cancel(id: string): Promise<void>
  /** Runs a command that changes nothing, beside the session's shell. */
  query(use: Use, command: string): Promise<Reply<Omit<Ran, "timedOut" | "truncated">>>
  readBytes(use: Use, path: string): Promise<Reply<Uint8Array>>
  /** Makes the folders on the way. */
  writeBytes(use: Use, path: string, content: Uint8Array): Promise<Reply<void>>
  /** Saves the workspace as a snapshot of this id. Answers the latest one where nothing has changed since. Starts no machine. */
  save(
    id: SnapshotId,
    latest: WorkspaceSnapshot | null,
    includeIgnored: boolean
  ): Promise<{ readonly value: WorkspaceSnapshot } | { readonly failed: string }>
  /** Deletes all other snapshots of the session. */
  keepOnly(snapshots: ReadonlyArray<SnapshotId>): Promise<void>
  /** What may be done now with the archive of a snapshot: the machine itself asked for it. */
  transfer(snapshot: string): Promise<"PUT" | "GET" | null>
  /** The platform is about to end the machine. */
  replaced(): Promise<void>
  /** Ends the machine; what was not saved is gone. */
  release(): Promise<void>
}
