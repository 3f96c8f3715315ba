import * as Schema from "effect/Schema"
import { Name, Timestamp } from "./Common.ts"
import { ApiKeyId } from "./Ids.ts"

/** What a caller may do. Each includes the one before: `read` looks, `run` also works with sessions, `admin` also changes what they run on. */
export const Scope = Schema.Literals(["read", "run", "admin"])
export type Scope = typeof Scope.Type

export const includes = (scope: Scope, needed: Scope): boolean =>
  Scope.literals.indexOf(scope) >= Scope.literals.indexOf(needed)

/** Who asks: the deployment's own key, one of its API keys, or a person or service token behind Cloudflare Access. */
export const Actor = Schema.Struct({
  type: Schema.Literals(["deployment_key", "api_key", "user", "service_token"]),
  id: Schema.String
})
export type Actor = typeof Actor.Type

/** An `inactive` key may become active again, an `archived` one never. */
export const ApiKeyStatus = Schema.Literals(["active", "inactive", "archived"])
export type ApiKeyStatus = typeof ApiKeyStatus.Type

/** An API key of this deployment, in the shape of the hosted Admin API. Its value is nowhere in it; `scope` and `last_used_at` are ours. */
export const ApiKey = Schema.Struct({
  type: Schema.Literal("api_key"),
  id: ApiKeyId,
  name: Name,
  scope: Scope,
  status: ApiKeyStatus,
  /** The two ends of the value, to tell keys apart. */
  partial_key_hint: Schema.String,
  created_at: Timestamp,
  created_by: Actor,
  /** To the minute; null for a key that was never used. */
  last_used_at: Schema.NullOr(Timestamp)
})
export type ApiKey = typeof ApiKey.Type
