import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Order from "effect/Order"
import * as Schema from "effect/Schema"
import type { VaultId } from "../../src/domain/Ids.ts"
import { Credential, identityOf, Vault } from "../../src/domain/Vault.ts"
import { Refreshing, Secrets, type StoredCredential, Vaults } from "../../src/Vaults.ts"
import * as D1 from "./D1.ts"
import { before, changed, json, method, notArchived } from "./D1.ts"

const vaultJson = json(Vault)
const credentialJson = json(Credential)

const SecretsJson = Schema.fromJsonString(Secrets)
const encodeSecrets = Schema.encodeEffect(SecretsJson)
const RefreshingJson = Schema.fromJsonString(Refreshing)
const encodeRefreshing = Schema.encodeEffect(RefreshingJson)
const encodeCredential = Schema.encodeEffect(Schema.fromJsonString(Credential))
const decodeRows = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      body: Schema.fromJsonString(Credential),
      secrets: SecretsJson,
      refreshing: Schema.NullOr(RefreshingJson)
    })
  )
)

/** The columns of a credential, in this order. */
const columnsOf = ({ credential, refreshing, secrets }: StoredCredential) =>
  Effect.all([
    encodeCredential(credential),
    encodeSecrets(secrets),
    refreshing === undefined ? Effect.succeed(null) : encodeRefreshing(refreshing)
  ])

const columns = "SELECT credentials.body, credentials.secrets, credentials.refreshing FROM credentials"

const make = (db: D1Database): Vaults["Service"] => {
  const { run, select, write } = D1.make(db)

  const stored = (sql: string, ...values: ReadonlyArray<string | number>) =>
    Effect.tryPromise(() =>
      db
        .prepare(sql)
        .bind(...values)
        .all()
    ).pipe(
      Effect.flatMap(({ results }) => decodeRows(results)),
      Effect.map((rows) =>
        rows.map(({ body, refreshing, secrets }): StoredCredential => ({
          credential: body,
          secrets,
          ...(refreshing === null ? {} : { refreshing })
        }))
      )
    )

  const both = (ofCredentials: string, ofVault: string, ...values: ReadonlyArray<string>) =>
    Effect.tryPromise(() =>
      db.batch([db.prepare(ofCredentials).bind(...values), db.prepare(ofVault).bind(...values)])
    ).pipe(Effect.asVoid)

  return Vaults.of({
    putVault: method("Vaults.putVault", (vault) =>
      Effect.asVoid(
        write(
          "INSERT INTO vaults (body, id) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
          vaultJson,
          vault,
          vault.id
        )
      )
    ),
    vault: method("Vaults.vault", (id) => Effect.map(select("vaults", vaultJson, [["id = ?", id]], 1), Array.head)),
    vaults: method("Vaults.vaults", (page) =>
      select("vaults", vaultJson, [...before(page), ...notArchived(page.includeArchived)], page.limit)
    ),
    archiveVault: method("Vaults.archiveVault", (id, at) =>
      both(
        `UPDATE credentials SET body = json_set(body, '$.archived_at', coalesce(archived_at, ?2)), secrets = '{}', refreshing = NULL
        WHERE vault_id = ?1`,
        "UPDATE vaults SET body = json_set(body, '$.archived_at', ?2) WHERE id = ?1",
        id,
        at
      )
    ),
    deleteVault: method("Vaults.deleteVault", (id) =>
      both("DELETE FROM credentials WHERE vault_id = ?", "DELETE FROM vaults WHERE id = ?", id)
    ),

    putCredential: method("Vaults.putCredential", ({ credential, secrets }) =>
      Effect.gen(function* () {
        const identity = credential.archived_at === null ? identityOf(credential.auth)?.value : undefined
        return yield* run(
          `INSERT INTO credentials (body, id, secrets)
          SELECT ?1, ?2, ?3 WHERE NOT EXISTS (
            SELECT 1 FROM credentials WHERE vault_id = ?4 AND identity = ?5 AND archived_at IS NULL AND id <> ?2
          )
          ON CONFLICT (id) DO UPDATE SET body = excluded.body, secrets = excluded.secrets, refreshing = NULL`,
          yield* encodeCredential(credential),
          credential.id,
          yield* encodeSecrets(secrets),
          credential.vault_id,
          // No credential is for nothing: an empty text is that of none.
          identity ?? ""
        )
      }).pipe(Effect.map(changed))
    ),
    credential: method("Vaults.credential", (vault, id) =>
      Effect.map(stored(`${columns} WHERE vault_id = ? AND id = ?`, vault, id), Array.head)
    ),
    credentials: method("Vaults.credentials", (vault, page) =>
      select(
        "credentials",
        credentialJson,
        [["vault_id = ?", vault], ...before(page), ...notArchived(page.includeArchived)],
        page.limit
      )
    ),
    deleteCredential: method("Vaults.deleteCredential", (vault, id) =>
      Effect.asVoid(run("DELETE FROM credentials WHERE vault_id = ? AND id = ?", vault, id))
    ),

    usable: method("Vaults.usable", (vaults) =>
      vaults.length === 0
        ? Effect.succeed([])
        : stored(
            `${columns} JOIN vaults ON vaults.id = credentials.vault_id
            WHERE vaults.id IN (${vaults.map(() => "?").join(", ")})
            AND credentials.archived_at IS NULL AND vaults.archived_at IS NULL ORDER BY credentials.id`,
            ...vaults
          ).pipe(Effect.map(Array.sort(byVault(vaults))))
    ),
    all: method("Vaults.all", ({ limit, after = "" }) =>
      stored(`${columns} WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
    ),
    replace: method("Vaults.replace", (before, after) =>
      Effect.gen(function* () {
        const [from, to] = yield* Effect.all([columnsOf(before), columnsOf(after)])
        return yield* run(
          `UPDATE credentials SET body = ?, secrets = ?, refreshing = ?
          WHERE id = ? AND body = ? AND secrets = ? AND refreshing IS ?`,
          ...to,
          before.credential.id,
          ...from
        )
      }).pipe(Effect.map(changed))
    )
  })
}

const byVault = (vaults: ReadonlyArray<VaultId>) =>
  Order.mapInput(Order.Number, ({ credential }: StoredCredential) => vaults.indexOf(credential.vault_id))

/** Vaults in D1 (`migrations/`): the values beside what is known of them, so that both change in one statement and are read at once. */
export const layer = (db: D1Database): Layer.Layer<Vaults> => Layer.sync(Vaults, () => make(db))
