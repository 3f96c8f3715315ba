import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Sessions } from "../../Sessions.ts"
import * as Otlp from "../../trace/otlp.ts"
import { Api } from "../Contract.ts"
import * as Fork from "./fork.ts"
import { orMissing } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "runs",
  Effect.fnUntraced(function* (handlers) {
    const sessions = yield* Sessions
    const fork = yield* Fork.make

    return handlers.handleAll({
      fork: ({ params: { id }, payload }) => fork(id, payload),

      export: Effect.fn("Runs.export")(function* ({ params: { id } }) {
        return HttpServerResponse.raw(yield* sessions.export(id), {
          contentType: "application/json",
          headers: { "cache-control": "no-store", "content-disposition": `attachment; filename="${id}.json"` }
        })
      }, orMissing),

      trace: Effect.fn("Runs.trace")(function* ({ params: { id }, query }) {
        const turns = yield* sessions.traces(id, query.turns ?? 100)
        return query.format === "otlp" ? Otlp.encode(turns) : { type: "session_trace" as const, session_id: id, turns }
      }, orMissing)
    })
  })
)
