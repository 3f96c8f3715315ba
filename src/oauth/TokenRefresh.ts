import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import { now } from "../domain/Common.ts"
import { CredentialId } from "../domain/Ids.ts"
import type { McpOauth, SecretField } from "../domain/Vault.ts"
import { SecretBox } from "../SecretBox.ts"
import type { StorageError } from "../Storage.ts"
import { type StoredCredential, Vaults } from "../Vaults.ts"
import { type Opened, readAnswer, refuse, type Refresh, tokenRequest, type Tokens } from "./tokenRequest.ts"

/** The request for a new token, as an audit may know it. */
export const Asked = Schema.Struct({
  url: Schema.String,
  /** Null where there was no answer. */
  status: Schema.NullOr(Schema.Int)
})
export type Asked = typeof Asked.Type

/** No new access token. Says why, and nothing of a value. `asked` is null where the token endpoint was not asked now. */
export class TokenRefreshFailed extends Schema.TaggedError<TokenRefreshFailed>()("TokenRefreshFailed", {
  credential: CredentialId,
  detail: Schema.String,
  asked: Schema.NullOr(Asked)
}) {
  override get message(): string {
    return `the access token of ${this.credential} was not refreshed: ${this.detail}`
  }
}

const patience = "15 seconds"

/** Milliseconds for which a refresh is left to whoever began it: longer than one takes. */
const lease = 30_000

/** Milliseconds for which a refusal stands before the endpoint is asked again. */
const pause = 10_000

/** Milliseconds between two looks at a refresh that somebody else began. */
const glance = 50

/** Gets credentials of the type `mcp_oauth` new access tokens. */
export class TokenRefresh extends Context.Service<
  TokenRefresh,
  {
    /**
     * Replaces the access token that was seen, once for however many ask for it at the same time, in whatever isolate. Answers null where
     * somebody else did.
     */
    refresh(seen: StoredCredential): Effect.Effect<Asked | null, TokenRefreshFailed | StorageError>
  }
>()("ownloop/oauth/TokenRefresh") {
  static readonly layer: Layer.Layer<TokenRefresh, never, Vaults | SecretBox | HttpClient.HttpClient> = Layer.effect(
    TokenRefresh,
    Effect.gen(function* () {
      const vaults = yield* Vaults
      const box = yield* SecretBox
      const http = yield* HttpClient.HttpClient

      const find = ({ credential: { id, vault_id } }: StoredCredential) =>
        Effect.map(
          vaults.credential(vault_id, id),
          Option.filter(({ credential }) => credential.archived_at === null)
        )

      const placeOf = ({ credential: { id, vault_id } }: StoredCredential, field: SecretField) => ({
        vault: vault_id,
        credential: id,
        field
      })

      const open = ({ secrets, ...stored }: StoredCredential) =>
        Effect.all(
          Record.map(secrets as Record<SecretField, never>, (sealed, field: SecretField) =>
            box.open(sealed, placeOf({ secrets, ...stored }, field))
          )
        ).pipe(Effect.map((opened): Opened => opened))

      const ask = Effect.fnUntraced(
        function* (refresh: Refresh, opened: Opened) {
          const response = yield* http.execute(tokenRequest(refresh, opened))
          return { status: response.status, answer: readAnswer(response.status, yield* response.text) }
        },
        Effect.scoped,
        Effect.timeout(patience),
        // A foreign error may quote what was sent.
        Effect.catch(() => Effect.succeed({ status: null, answer: Result.fail("its token endpoint did not answer") })),
        Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
        // Its own span would show the URL, and hand the trace's id to the endpoint.
        Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
      )

      /** Stores the tokens, also where something else of the credential was changed meanwhile, but not over a refresh token set anew. */
      const settle = Effect.fnUntraced(function* (begun: StoredCredential, opened: Opened, tokens: Tokens) {
        const secrets = {
          access_token: yield* box.seal(tokens.access_token, placeOf(begun, "access_token")),
          ...(tokens.refresh_token === null
            ? {}
            : { refresh_token: yield* box.seal(tokens.refresh_token, placeOf(begun, "refresh_token")) })
        }
        const [updated_at, at] = yield* Effect.all([now, DateTime.now])
        const expires_at =
          tokens.expires_in === null
            ? null
            : DateTime.formatIso(DateTime.addDuration(at, { seconds: Math.max(0, tokens.expires_in) }))
        let before = Option.some(begun)
        while (Option.isSome(before)) {
          const { credential, secrets: stored } = before.value
          // It was of this type when the refresh began, which cannot change.
          const auth = { ...(credential.auth as McpOauth), expires_at }
          const after = { credential: { ...credential, auth, updated_at }, secrets: { ...stored, ...secrets } }
          if (yield* vaults.replace(before.value, after)) return
          before = yield* find(begun)
          if (Option.isNone(before)) return
          const { refresh_token } = yield* open(before.value)
          if (valueOf(refresh_token) !== valueOf(opened.refresh_token)) return
        }
      })

      const attempt = Effect.fnUntraced(function* (begun: StoredCredential, auth: McpOauth, refresh: Refresh) {
        const refusal = refuse(auth, refresh)
        if (refusal !== null) return yield* failed(begun, refusal)
        const unstored = Effect.mapError(({ message }: { readonly message: string }) => failed(begun, message))
        const opened = yield* unstored(open(begun))
        const { answer, status } = yield* ask(refresh, opened)
        const asked = { url: refresh.token_endpoint, status }
        if (Result.isFailure(answer)) return yield* failed(begun, answer.failure, asked)
        yield* unstored(settle(begun, opened, answer.success))
        return asked
      })

      const refresh = Effect.fn("TokenRefresh.refresh")(function* (seen: StoredCredential) {
        const began = yield* Clock.currentTimeMillis
        while (true) {
          const found = Option.getOrUndefined(yield* find(seen))
          if (found === undefined) return yield* failed(seen, "it is archived")
          if (found.secrets.access_token !== seen.secrets.access_token) return null
          const { auth } = found.credential
          if (auth.type !== "mcp_oauth" || auth.refresh === null) return yield* failed(seen, "it has no refresh token")
          const { refreshing } = found
          if (refreshing !== undefined && "failed" in refreshing && refreshing.at + pause > began) {
            return yield* failed(seen, refreshing.failed)
          }
          const at = yield* Clock.currentTimeMillis
          if (refreshing !== undefined && "until" in refreshing && refreshing.until > at) {
            yield* Effect.sleep(glance)
            continue
          }
          const begun = { ...found, refreshing: { until: at + lease } }
          if (!(yield* vaults.replace(found, begun))) continue
          return yield* attempt(begun, auth, auth.refresh).pipe(
            Effect.tapError(({ detail }) =>
              Effect.flatMap(Clock.currentTimeMillis, (at) =>
                vaults.replace(begun, { ...begun, refreshing: { failed: detail, at } })
              )
            )
          )
        }
      })

      return TokenRefresh.of({ refresh })
    })
  )
}

const failed = ({ credential }: StoredCredential, detail: string, asked: Asked | null = null) =>
  new TokenRefreshFailed({ credential: credential.id, detail, asked })

const valueOf = (secret: Redacted.Redacted | undefined) => (secret === undefined ? undefined : Redacted.value(secret))
