import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as OpenApi from "effect/http-api/OpenApi"
import { SessionId, SnapshotId } from "../domain/Ids.ts"
import { WorkspaceSnapshot } from "../domain/WorkspaceSnapshot.ts"
import { Authorization } from "./Auth.ts"
import { wire } from "./Errors.ts"

/** How a new session names what its workspace begins with. */
export const SnapshotReference = Schema.Struct({ session_id: SessionId, id: SnapshotId })
export type SnapshotReference = typeof SnapshotReference.Type

const SnapshotList = Schema.Struct({
  type: Schema.Literal("workspace_snapshots"),
  session_id: SessionId,
  /** Newest first. */
  data: Schema.Array(WorkspaceSnapshot)
})

/** What is kept of the workspaces of sessions on machines: ours. */
export class SnapshotsGroup extends HttpApiGroup.make("snapshots")
  .add(
    HttpApiEndpoint.get("list", "/v1/sessions/:id/snapshots", {
      params: { id: SessionId },
      success: SnapshotList,
      error: [wire.NotFound, wire.Conflict]
    }).annotate(
      OpenApi.Description,
      "The snapshots that are kept of the session's workspace. Another session begins with one where it is created with `snapshot`."
    )
  )
  .middleware(Authorization) {}
