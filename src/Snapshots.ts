import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SessionId, SnapshotId } from "./domain/Ids.ts"
import type { WorkspaceSnapshot } from "./domain/WorkspaceSnapshot.ts"
import type { StorageError } from "./Storage.ts"

/** Of an archive, among the blobs of its session. */
export const snapshotKey = (session: SessionId, snapshot: SnapshotId): string => `${session}/snapshots/${snapshot}`

export class SnapshotFailed extends Schema.TaggedError<SnapshotFailed>()("SnapshotFailed", { detail: Schema.String }) {
  override get message(): string {
    return `the workspace was not saved: ${this.detail}`
  }
}

/** What a session's log says of its workspace. */
export interface Saved {
  /** What a machine begins with that is started now; null for an empty workspace. */
  readonly snapshot: WorkspaceSnapshot | null
  /** Files may have been written since: a machine that has to be started then has lost them. */
  readonly isBehind: boolean
}

/** What a tool call runs on, as the log had it when the call began. */
export const SavedWorkspace = Context.Reference<Saved>("ownloop/Snapshots/SavedWorkspace", {
  defaultValue: () => ({ snapshot: null, isBehind: false })
})

/** The snapshots of one session's workspace, where that is in a machine that ends. */
export class Snapshots extends Context.Service<
  Snapshots,
  {
    /** Saves the workspace as it is now. Answers the latest snapshot where nothing has changed since. */
    save(latest: WorkspaceSnapshot | null): Effect.Effect<WorkspaceSnapshot, SnapshotFailed>
    /** Forgets all others. */
    keepOnly(snapshots: ReadonlyArray<SnapshotId>): Effect.Effect<void, StorageError>
  }
>()("ownloop/Snapshots") {}
