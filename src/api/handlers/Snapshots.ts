import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Blobs } from "../../Blobs.ts"
import type { CloudConfig } from "../../domain/Environment.ts"
import type { SessionEvent } from "../../domain/Event.ts"
import type { SessionId } from "../../domain/Ids.ts"
import type { SessionRecord } from "../../domain/Session.ts"
import { fold } from "../../loop/fold.ts"
import * as Saving from "../../loop/Saving.ts"
import * as State from "../../loop/State.ts"
import { Sessions } from "../../Sessions.ts"
import { snapshotKey } from "../../Snapshots.ts"
import { Api } from "../Contract.ts"
import { InvalidRequest, NotFound } from "../Errors.ts"
import type { SnapshotReference } from "../Snapshots.ts"
import { orConflict } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "snapshots",
  Effect.fnUntraced(function* (handlers) {
    const sessions = yield* Sessions

    return handlers.handle(
      "list",
      Effect.fn("Snapshots.list")(function* ({ params: { id } }) {
        return { type: "workspace_snapshots" as const, session_id: id, data: yield* sessions.snapshots(id) }
      }, orConflict)
    )
  })
)

/** Gives a session that is about to be created an archive of its own of what its workspace begins with. */
export const copyTo = Effect.fn("Snapshots.copyTo")(function* (
  session: SessionId,
  { id, session_id }: SnapshotReference,
  { backend }: CloudConfig
) {
  if (backend !== "microvm") {
    return yield* new InvalidRequest({
      message: `snapshot: the environment's backend is ${backend}; only a microvm begins with one`
    })
  }
  const sessions = yield* Sessions
  const blobs = yield* Blobs
  const kept = yield* sessions.snapshots(session_id)
  const snapshot = kept.find((snapshot) => snapshot.id === id)
  const isCopied = snapshot !== undefined && (yield* blobs.copy(snapshotKey(session_id, id), snapshotKey(session, id)))
  if (isCopied) return snapshot
  const ids = kept.map(({ id }) => id).join(" and ") || "none"
  return yield* new NotFound({ message: `snapshot.id: ${session_id} does not keep ${id}; it keeps ${ids}` })
}, orConflict)

/** The same for a fork: with the snapshot that its session had made last before it. What was written since then, the fork's machine lacks. */
export const copyFor = Effect.fn("Snapshots.copyFor")(function* (
  fork: SessionId,
  session: SessionRecord,
  events: ReadonlyArray<SessionEvent>
) {
  const { saving } = events.reduce(fold, State.initial)
  const [snapshot] = Saving.snapshotsOf(session, saving)
  if (snapshot === undefined) return undefined
  const blobs = yield* Blobs
  if (yield* blobs.copy(snapshotKey(session.id, snapshot.id), snapshotKey(fork, snapshot.id))) return snapshot
  return yield* new InvalidRequest({
    message: `at: the workspace as it was then, in ${snapshot.id}, is not kept any more; fork at a later event`
  })
})
