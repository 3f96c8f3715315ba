import type { SandboxOperation, SessionEvent } from "../domain/Event.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { kept, type WorkspaceSnapshot } from "../domain/WorkspaceSnapshot.ts"
import type { Saved } from "../Snapshots.ts"

/** What is kept of a workspace that lives in a machine. */
export interface Saving {
  /** Newest first, and no more than are kept. */
  readonly snapshots: ReadonlyArray<WorkspaceSnapshot>
  /**
   * What may be in the workspace and in no snapshot: `files` are saved before the session rests, `urgent` ones before it does anything else,
   * since the machine is about to go. `given up` are those that could not be saved; they are tried again once more is written.
   */
  readonly unsaved: "nothing" | "files" | "urgent" | "given up"
}

export const nothing: Saving = { snapshots: [], unsaved: "nothing" }

type ToolResult = Extract<SessionEvent, { readonly type: "agent.tool_result" }>

const writing: ReadonlySet<string> = new Set(["exec", "runCode", "writeFile"])

/** An operation that found no machine wrote nothing. */
const hasWritten = ({ error, name }: SandboxOperation) =>
  writing.has(name) && error !== "SandboxUnavailable" && error !== "WorkspaceLost"

/** Nothing is known of a call that was broken off: it may have written. */
const mayHaveWritten = ({ operations = [], rejected, started_at }: ToolResult) =>
  rejected !== true && (started_at === undefined || operations.some(hasWritten))

export const afterCall = (saving: Saving, result: ToolResult): Saving =>
  saving.unsaved !== "urgent" && mayHaveWritten(result) ? { ...saving, unsaved: "files" } : saving

export const saved = ({ snapshots }: Saving, snapshot: WorkspaceSnapshot): Saving => ({
  snapshots: [snapshot, ...snapshots.filter(({ id }) => id !== snapshot.id)].slice(0, kept),
  unsaved: "nothing"
})

/** All snapshots that the session has, newest first: also the one that it began with, until there are enough of its own. */
export const snapshotsOf = ({ snapshot }: SessionRecord, { snapshots }: Saving): ReadonlyArray<WorkspaceSnapshot> =>
  (snapshot === undefined || snapshots.some(({ id }) => id === snapshot.id)
    ? snapshots
    : [...snapshots, snapshot]
  ).slice(0, kept)

/** What a machine is told that is used now. */
export const savedOf = (record: SessionRecord, saving: Saving): Saved => ({
  snapshot: snapshotsOf(record, saving)[0] ?? null,
  isBehind: saving.unsaved !== "nothing"
})
