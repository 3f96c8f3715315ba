import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { SessionId } from "../domain/Ids.ts"
import { Authorization } from "./Auth.ts"
import { wire } from "./Errors.ts"

const params = { id: SessionId }

/** A session's run as a value: all of this is ours. */
export class RunsGroup extends HttpApiGroup.make("runs")
  .add(
    HttpApiEndpoint.get("export", "/v1/sessions/:id/export", {
      params,
      success: HttpApiSchema.StreamUint8Array({ contentType: "application/json" }),
      error: wire.NotFound
    }).annotate(
      OpenApi.Description,
      "The session in one file: its record, its whole log, the results that the log shows only in part. `npm run replay` runs it again."
    )
  )
  .middleware(Authorization) {}
