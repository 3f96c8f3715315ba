import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import type { Catalog } from "../../src/Catalog.ts"
import { Environment } from "../../src/domain/Environment.ts"
import { Policy } from "../../src/domain/Policy.ts"
import { before, changed, given, json, memoised, method, notArchived, type Statements } from "./D1.ts"

type Policies = Pick<
  Catalog["Service"],
  "addPolicyVersion" | "policy" | "policyVersions" | "policies" | "archivePolicy" | "boundary"
>

const policyJson = json(Policy)

/** Asked for on every outbound request, and mostly the same: decoded once. */
const decodeEnvironments = memoised(json(Environment).decode)
const decodePolicies = memoised(policyJson.decode)

const newest = "revision = (SELECT max(revision) FROM policies WHERE id = policy.id)"

/** The catalog's policies. */
export const make = (db: D1Database, { run, select, write }: Statements): Policies => ({
  addPolicyVersion: method("Catalog.addPolicyVersion", (policy) =>
    write(
      "INSERT INTO policies (body, id, revision) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      policyJson,
      policy,
      policy.id,
      policy.revision
    ).pipe(Effect.map(changed))
  ),
  policy: method("Catalog.policy", (id, version) =>
    Effect.map(
      select("policies", policyJson, [["id = ?", id], ...given(version, (v) => ["version = ?", v])], 1, "revision"),
      Array.head
    )
  ),
  policyVersions: method("Catalog.policyVersions", (id, { limit, after }) =>
    select(
      "policies",
      policyJson,
      [["id = ?", id], ...given(after, (after) => ["revision < ?", Number(after)])],
      limit,
      "revision"
    )
  ),
  policies: method("Catalog.policies", (page) =>
    select(
      "policies AS policy",
      policyJson,
      [[newest], ...before(page), ...notArchived(page.includeArchived)],
      page.limit
    )
  ),
  archivePolicy: method("Catalog.archivePolicy", (id, at) =>
    Effect.asVoid(run("UPDATE policies SET body = json_set(body, '$.archived_at', ?) WHERE id = ?", at, id))
  ),
  boundary: method(
    "Catalog.boundary",
    Effect.fnUntraced(function* (environment, policyIds) {
      const [environments, policies] = yield* Effect.tryPromise(() =>
        db.batch<{ body: string }>([
          db.prepare("SELECT body FROM environments WHERE id = ?").bind(environment),
          db
            .prepare(
              `SELECT body FROM policies AS policy WHERE ${newest} AND id IN (
                SELECT value FROM environments, json_each(environments.body, '$.config.policy_ids') WHERE environments.id = ?1
                UNION SELECT value FROM json_each(?2))`
            )
            .bind(environment, JSON.stringify(policyIds))
        ])
      )
      const bodies = (result: D1Result<{ body: string }> | undefined) => (result?.results ?? []).map(({ body }) => body)
      return {
        environment: Array.head(yield* decodeEnvironments(bodies(environments))),
        policies: yield* decodePolicies(bodies(policies))
      }
    })
  )
})
