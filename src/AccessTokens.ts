import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Actor, Scope } from "./domain/ApiKey.ts"

/** The token is not one that this deployment accepts. */
export class AccessTokenInvalid extends Schema.TaggedError<AccessTokenInvalid>()("AccessTokenInvalid", {
  /** What is wrong with it; never a part of it. */
  detail: Schema.String
}) {
  override get message(): string {
    return `the token of Cloudflare Access is not accepted: ${this.detail}`
  }
}

/** Nobody can tell: the keys that tokens are signed with cannot be had. */
export class AccessKeysUnavailable extends Schema.TaggedError<AccessKeysUnavailable>()("AccessKeysUnavailable", {
  url: Schema.String
}) {
  override get message(): string {
    return `the keys of Cloudflare Access cannot be read from ${this.url}`
  }
}

/** The people and services that Cloudflare Access lets in; none where the deployment is not behind it. */
export class AccessTokens extends Context.Service<
  AccessTokens,
  Option.Option<{
    /** What all of them may do. */
    readonly scope: Scope
    /** Whose token this is: the value of the header `Cf-Access-Jwt-Assertion`. */
    verify(token: string): Effect.Effect<Actor, AccessTokenInvalid | AccessKeysUnavailable>
  }>
>()("ownloop/AccessTokens") {}
