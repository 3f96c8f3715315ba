import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { EgressDecision, EgressOutcome } from "../domain/Egress.ts"
import { SessionId } from "../domain/Ids.ts"
import { Authorization } from "./Auth.ts"
import { wire } from "./Errors.ts"
import * as Paging from "./Paging.ts"

export class EgressGroup extends HttpApiGroup.make("egress")
  .add(
    HttpApiEndpoint.get("decisions", "/v1/egress/decisions", {
      query: {
        ...Paging.query(),
        session_id: Schema.optionalKey(SessionId),
        outcome: Schema.optionalKey(EgressOutcome)
      },
      success: Paging.response(EgressDecision),
      error: wire.InvalidRequest
    })
  )
  .middleware(Authorization) {}
