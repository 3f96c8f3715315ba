import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { CredentialId, VaultId } from "../domain/Ids.ts"
import { Credential } from "../domain/Vault.ts"
import { Authorization } from "./Auth.ts"
import { AuthInput, AuthPatch } from "./CredentialAuth.ts"
import { wire } from "./Errors.ts"
import { MetadataInput, MetadataPatch, nullable } from "./Fields.ts"
import * as Paging from "./Paging.ts"
import { DisplayName } from "./Vaults.ts"

export const CreateCredential = Schema.Struct({
  auth: AuthInput,
  display_name: nullable(DisplayName),
  metadata: nullable(MetadataInput)
})

/** Absent fields stay as they are, within `auth` too. */
export const UpdateCredential = Schema.Struct({
  auth: Schema.optionalKey(AuthPatch),
  display_name: nullable(DisplayName),
  metadata: nullable(MetadataPatch)
})

const vault = { vault_id: VaultId }
const params = { ...vault, id: CredentialId }

export class CredentialsGroup extends HttpApiGroup.make("credentials")
  .add(
    HttpApiEndpoint.post("create", "/v1/vaults/:vault_id/credentials", {
      params: vault,
      payload: CreateCredential,
      success: Credential,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict, wire.Unavailable]
    }),
    HttpApiEndpoint.get("list", "/v1/vaults/:vault_id/credentials", {
      params: vault,
      query: { ...Paging.query(), include_archived: Schema.optionalKey(Schema.Boolean) },
      success: Paging.response(Credential),
      error: [wire.InvalidRequest, wire.NotFound]
    }),
    HttpApiEndpoint.get("get", "/v1/vaults/:vault_id/credentials/:id", {
      params,
      success: Credential,
      error: wire.NotFound
    }),
    HttpApiEndpoint.post("update", "/v1/vaults/:vault_id/credentials/:id", {
      params,
      payload: UpdateCredential,
      success: Credential,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict, wire.Unavailable]
    }),
    HttpApiEndpoint.delete("delete", "/v1/vaults/:vault_id/credentials/:id", {
      params,
      success: Schema.Struct({ id: CredentialId, type: Schema.Literal("vault_credential_deleted") }),
      error: wire.NotFound
    }),
    HttpApiEndpoint.post("archive", "/v1/vaults/:vault_id/credentials/:id/archive", {
      params,
      success: Credential,
      error: wire.NotFound
    }),
    // Asks an MCP server, which nothing here does yet.
    HttpApiEndpoint.post("validate", "/v1/vaults/:vault_id/credentials/:id/mcp_oauth_validate", {
      params,
      error: [wire.InvalidRequest, wire.NotFound]
    })
  )
  .middleware(Authorization) {}
