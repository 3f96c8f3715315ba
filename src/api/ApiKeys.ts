import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as OpenApi from "effect/http-api/OpenApi"
import { ApiKey, ApiKeyStatus, Scope } from "../domain/ApiKey.ts"
import { Name } from "../domain/Common.ts"
import { ApiKeyId } from "../domain/Ids.ts"
import { Authorization } from "./Auth.ts"
import { NeededScope } from "./Caller.ts"
import { wire } from "./Errors.ts"
import * as Paging from "./Paging.ts"

export const CreateApiKey = Schema.Struct({ name: Name, scope: Scope })

/** Absent fields stay as they are. */
export const UpdateApiKey = Schema.Struct({
  name: Schema.optionalKey(Name),
  status: Schema.optionalKey(ApiKeyStatus)
})

const params = { id: ApiKeyId }

export class ApiKeysGroup extends HttpApiGroup.make("api_keys")
  .add(
    HttpApiEndpoint.post("create", "/v1/api_keys", {
      payload: CreateApiKey,
      success: Schema.Struct({ ...ApiKey.fields, key: Schema.String }),
      error: wire.InvalidRequest
    }).annotate(OpenApi.Description, "The key's value is in `key`, here and never again."),
    HttpApiEndpoint.get("list", "/v1/api_keys", {
      query: { ...Paging.query(), status: Schema.optionalKey(ApiKeyStatus) },
      success: Paging.response(ApiKey),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/api_keys/:id", { params, success: ApiKey, error: wire.NotFound }),
    HttpApiEndpoint.post("update", "/v1/api_keys/:id", {
      params,
      payload: UpdateApiKey,
      success: ApiKey,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }).annotate(
      OpenApi.Description,
      "Renames a key, or revokes it: an `inactive` key may become active again, an `archived` one never. Elsewhere it may be answered for another 30 seconds."
    )
  )
  .middleware(Authorization)
  .annotateEndpoints(NeededScope, "admin") {}
