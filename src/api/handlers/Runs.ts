import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Sessions } from "../../Sessions.ts"
import { Api } from "../Contract.ts"
import { orMissing } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "runs",
  Effect.fnUntraced(function* (handlers) {
    const sessions = yield* Sessions

    return handlers.handleAll({
      export: Effect.fn("Runs.export")(function* ({ params: { id } }) {
        return HttpServerResponse.raw(yield* sessions.export(id), {
          contentType: "application/json",
          headers: { "cache-control": "no-store", "content-disposition": `attachment; filename="${id}.json"` }
        })
      }, orMissing)
    })
  })
)
