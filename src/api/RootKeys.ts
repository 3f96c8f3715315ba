import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { CredentialId } from "../domain/Ids.ts"
import { Authorization } from "./Auth.ts"
import { wire } from "./Errors.ts"
import * as Paging from "./Paging.ts"

/** What came of a page of all credentials. */
export const Rotation = Schema.Struct({
  type: Schema.Literal("root_key_rotation"),
  /** The key that their values are under now. */
  key_id: Schema.String,
  /** How many were under an earlier one. */
  rotated: Schema.Int,
  /** Those whose values none of the deployment's keys opens, or that were changed meanwhile: they are as they were. */
  left: Schema.Array(Schema.Struct({ id: CredentialId, reason: Schema.String })),
  next_page: Schema.NullOr(Schema.String)
})

export class RootKeysGroup extends HttpApiGroup.make("root_keys")
  .add(
    HttpApiEndpoint.post("rotate", "/v1/root_keys/rotate", {
      query: Paging.query(),
      success: Rotation,
      error: [wire.InvalidRequest, wire.Unavailable]
    })
  )
  .middleware(Authorization) {}
