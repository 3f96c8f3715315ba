import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Mac from "effect/crypto/Mac"
import * as Base64Url from "effect/encoding/Base64Url"
import type { ApprovalLink } from "./domain/ApprovalLink.ts"
import { ApprovalLinkId } from "./domain/Ids.ts"
import * as RootKeys from "./RootKeys.ts"

/** What a link is about: nothing of it can be changed without its signature. */
type Signed = Pick<ApprovalLink, "id" | "session_id" | "event_ids" | "expires_at">

const isId = Schema.is(ApprovalLinkId)

const encoder = new TextEncoder()

const messageOf = ({ event_ids, expires_at, id, session_id }: Signed) =>
  encoder.encode(["ownloop approval link", id, session_id, event_ids.join(","), expires_at].join("\n"))

/** Signs links under the deployment's root key: `<id of the link>.<signature in base64url>`. */
export class ApprovalTokens extends Context.Service<
  ApprovalTokens,
  {
    /** None where there is no root key. */
    sign(link: Signed): Effect.Effect<Option.Option<string>>
    /** The id that a token names; nothing is proven by it. */
    idOf(token: string): Option.Option<ApprovalLinkId>
    /** Whether the token is this link's, under any key that the deployment has. */
    isOf(token: string, link: Signed): Effect.Effect<boolean>
  }
>()("ownloop/ApprovalTokens") {
  static readonly layer: Layer.Layer<ApprovalTokens, RootKeys.RootKeyInvalid | Config.ConfigError, Mac.Mac> =
    Layer.effect(
      ApprovalTokens,
      Effect.gen(function* () {
        const mac = yield* Mac.Mac
        const keys = yield* Effect.forEach(yield* RootKeys.config, ({ bytes }) =>
          Effect.orDie(Mac.key(Mac.hmacSha256, Redacted.value(bytes)))
        )
        const [active] = keys

        const idOf = (token: string) => Option.filter(Option.some(token.split(".", 1)[0] ?? ""), isId)

        return ApprovalTokens.of({
          idOf,
          sign: Effect.fn("ApprovalTokens.sign")((link) =>
            active === undefined
              ? Effect.succeedNone
              : Effect.map(Effect.orDie(mac.sign(active, messageOf(link))), (signature) =>
                  Option.some(`${link.id}.${Base64Url.encode(signature)}`)
                )
          ),
          isOf: Effect.fn("ApprovalTokens.isOf")(function* (token, link) {
            const signature = Base64Url.decode(token.slice(token.indexOf(".") + 1))
            if (Result.isFailure(signature) || Option.getOrUndefined(idOf(token)) !== link.id) return false
            for (const key of keys) {
              if (yield* Effect.orDie(mac.verify(key, signature.success, messageOf(link)))) return true
            }
            return false
          })
        })
      })
    )
}
