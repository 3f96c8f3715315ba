import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Catalog } from "../../Catalog.ts"
import { Api } from "../Contract.ts"
import { paginate } from "../Paging.ts"
import { orInternal } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "egress",
  Effect.fnUntraced(function* (handlers) {
    const catalog = yield* Catalog
    return handlers.handle("decisions", ({ query }) =>
      paginate(
        "decisions",
        query,
        (page) =>
          catalog.decisions({
            ...page,
            ...(query.session_id === undefined ? {} : { sessionId: query.session_id }),
            ...(query.outcome === undefined ? {} : { outcome: query.outcome })
          }),
        ({ id }) => id
      ).pipe(orInternal)
    )
  })
)
