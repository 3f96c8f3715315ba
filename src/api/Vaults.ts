import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { VaultId } from "../domain/Ids.ts"
import { Vault } from "../domain/Vault.ts"
import { Authorization } from "./Auth.ts"
import { wire } from "./Errors.ts"
import { MetadataInput, MetadataPatch, nullable } from "./Fields.ts"
import * as Paging from "./Paging.ts"

export const DisplayName = Schema.NonEmptyString.check(Schema.isMaxLength(255))

export const CreateVault = Schema.Struct({ display_name: DisplayName, metadata: nullable(MetadataInput) })

/** Absent fields stay as they are. */
export const UpdateVault = Schema.Struct({ display_name: nullable(DisplayName), metadata: nullable(MetadataPatch) })

const params = { id: VaultId }

export class VaultsGroup extends HttpApiGroup.make("vaults")
  .add(
    HttpApiEndpoint.post("create", "/v1/vaults", { payload: CreateVault, success: Vault, error: wire.InvalidRequest }),
    HttpApiEndpoint.get("list", "/v1/vaults", {
      query: { ...Paging.query(), include_archived: Schema.optionalKey(Schema.Boolean) },
      success: Paging.response(Vault),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/vaults/:id", { params, success: Vault, error: wire.NotFound }),
    HttpApiEndpoint.post("update", "/v1/vaults/:id", {
      params,
      payload: UpdateVault,
      success: Vault,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }),
    HttpApiEndpoint.delete("delete", "/v1/vaults/:id", {
      params,
      success: Schema.Struct({ id: VaultId, type: Schema.Literal("vault_deleted") }),
      error: wire.NotFound
    }),
    HttpApiEndpoint.post("archive", "/v1/vaults/:id/archive", { params, success: Vault, error: wire.NotFound })
  )
  .middleware(Authorization) {}
