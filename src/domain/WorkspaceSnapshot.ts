import * as Schema from "effect/Schema"
import { Timestamp } from "./Common.ts"
import { SnapshotId } from "./Ids.ts"

/** The files of a session's workspace as they were when it was saved, in an archive outside its machine. */
export const WorkspaceSnapshot = Schema.Struct({
  id: SnapshotId,
  /** Of the archive. */
  size_bytes: Schema.Int,
  /** Files and folders in it. */
  entries: Schema.Int,
  /** Of the archive, in hexadecimal. */
  sha256: Schema.String,
  created_at: Timestamp
})
export type WorkspaceSnapshot = typeof WorkspaceSnapshot.Type

/** Snapshots that are kept of a session. */
export const kept = 2
