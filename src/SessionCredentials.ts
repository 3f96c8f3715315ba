import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"
import type { SessionId, VaultId } from "./domain/Ids.ts"
import { type CredentialAuth, sentField } from "./domain/Vault.ts"
import type { Grant } from "./egress/attach.ts"
import type { Binding } from "./egress/binding.ts"
import { type HostPattern, parsePattern } from "./egress/pattern.ts"
import type { Renewed } from "./EgressPolicy.ts"
import { TokenRefresh } from "./oauth/TokenRefresh.ts"
import { SandboxVariables } from "./SandboxBackend.ts"
import { SecretBox } from "./SecretBox.ts"
import type { StorageError } from "./Storage.ts"
import { type StoredCredential, Vaults } from "./Vaults.ts"

/** Whose credentials, and of which vaults. */
export interface Owner {
  readonly sessionId: SessionId
  readonly vaultIds: ReadonlyArray<VaultId>
}

/** What the session may use of its vaults at this moment: asked for at every request that leaves. None where nobody says otherwise. */
export class SessionGrants extends Context.Reference<Effect.Effect<ReadonlyArray<Grant>, StorageError>>(
  "ownloop/SessionCredentials/SessionGrants",
  { defaultValue: () => Effect.succeed([]) }
) {}

/** For the gateway of one session. */
export const layerGrants = (owner: Owner): Layer.Layer<never, never, Vaults | SecretBox | TokenRefresh> =>
  Layer.effect(
    SessionGrants,
    Effect.map(Effect.context<Vaults | SecretBox | TokenRefresh>(), (services) =>
      Effect.provide(grants(owner), services)
    )
  )

/** For the sandbox of one session. */
export const layerVariables = (owner: Owner): Layer.Layer<never, never, Vaults | SecretBox> =>
  Layer.effect(
    SandboxVariables,
    Effect.map(Effect.context<Vaults | SecretBox>(), (services) => Effect.provide(variables(owner), services))
  )

const grants = Effect.fn("SessionCredentials.grants")(function* ({ sessionId, vaultIds }: Owner) {
  if (vaultIds.length === 0) return []
  const vaults = yield* Vaults
  const box = yield* SecretBox
  const { refresh } = yield* TokenRefresh
  const now = yield* Clock.currentTimeMillis
  return yield* Effect.forEach(
    yield* vaults.usable(vaultIds),
    Effect.fnUntraced(function* (stored: StoredCredential) {
      const { credential, secrets } = stored
      const { auth, id, vault_id } = credential
      const field = sentField(auth)
      const sealed = secrets[field]
      const isExpired = auth.type === "mcp_oauth" && auth.expires_at !== null && Date.parse(auth.expires_at) <= now
      const value =
        sealed === undefined
          ? Result.fail("it has no value")
          : isExpired
            ? Result.fail(whyExpired(stored))
            : yield* box.open(sealed, { vault: vault_id, credential: id, field }).pipe(
                Effect.mapError(({ message }) => message),
                Effect.result
              )
      const texts = auth.type === "environment_variable" ? yield* box.placeholders(sessionId, id) : []
      const canRefresh = auth.type === "mcp_oauth" && auth.refresh !== null
      const grant: Grant = {
        name: id,
        binding: bindingOf(auth),
        value,
        use: useOf(auth, texts),
        ...(canRefresh ? { renewal: { isDue: isExpired, renew: renewed(stored, refresh(stored)) } } : {})
      }
      return grant
    })
  )
})

const whyExpired = ({ refreshing }: StoredCredential) =>
  refreshing !== undefined && "failed" in refreshing
    ? `its access token has expired, and was not refreshed: ${refreshing.failed}`
    : "its access token has expired"

const renewed = (
  { credential: { id } }: StoredCredential,
  refreshed: ReturnType<TokenRefresh["Service"]["refresh"]>
): Effect.Effect<Renewed> =>
  refreshed.pipe(
    Effect.map((asked) => ({ isNew: true, reason: `the access token of ${id} is refreshed`, asked })),
    Effect.catchTags({
      TokenRefreshFailed: ({ asked, message }) => Effect.succeed({ isNew: false, reason: message, asked }),
      StorageError: ({ message }) =>
        Effect.succeed({ isNew: false, reason: `the access token of ${id} was not refreshed: ${message}`, asked: null })
    }),
    Effect.tap(({ isNew, reason }) => (isNew ? Effect.void : Effect.logWarning(reason)))
  )

/** For each credential that has a name in the sandbox, what stands for its value. */
const variables = Effect.fn("SessionCredentials.variables")(function* ({ sessionId, vaultIds }: Owner) {
  const variables: Record<string, string> = {}
  if (vaultIds.length === 0) return variables
  const vaults = yield* Vaults
  const box = yield* SecretBox
  for (const { credential } of yield* vaults.usable(vaultIds)) {
    if (credential.auth.type !== "environment_variable") continue
    const { secret_name } = credential.auth
    const [placeholder] = yield* box.placeholders(sessionId, credential.id)
    // Of two with one name, the first vault's.
    if (placeholder !== undefined && !Object.hasOwn(variables, secret_name)) variables[secret_name] = placeholder
  }
  return variables
})

const bindingOf = (auth: CredentialAuth): Binding => {
  switch (auth.type) {
    case "static_bearer":
    case "mcp_oauth": {
      const url = new URL(auth.mcp_server_url)
      const below = url.pathname.endsWith("/") ? `${url.pathname}*` : `${url.pathname}/*`
      return { hosts: patternsOf([url.host]), paths: [url.pathname, below] }
    }
    case "environment_variable":
    case "http_header": {
      const { methods, networking, paths } = auth
      return {
        hosts: networking.type === "unrestricted" ? "any" : patternsOf(networking.allowed_hosts),
        ...(methods === undefined ? {} : { methods }),
        ...(paths === undefined ? {} : { paths })
      }
    }
  }
}

const patternsOf = (hosts: ReadonlyArray<string>): ReadonlyArray<HostPattern> =>
  hosts.flatMap((host) => parsePattern(host) ?? [])

const useOf = (auth: CredentialAuth, texts: ReadonlyArray<string>): Grant["use"] => {
  switch (auth.type) {
    case "static_bearer":
    case "mcp_oauth":
      return { type: "header", header: "Authorization", format: (value) => `Bearer ${value}` }
    case "environment_variable":
      return { type: "placeholder", texts, ...auth.injection_location }
    case "http_header": {
      const { header_name: header, scheme, username } = auth
      const format = (value: string) => {
        if (scheme === "basic") return `Basic ${Base64.encode(`${username ?? ""}:${value}`)}`
        return scheme === "bearer" ? `Bearer ${value}` : value
      }
      return { type: "header", header, format }
    }
  }
}
