import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Ref } from "effect"
import { SecureRandom } from "effect/crypto"
import * as PolicyStore from "../../layers/egress/PolicyStore.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { Environment, Networking } from "../../src/domain/Environment.ts"
import { EgressPolicy, EgressSession } from "../../src/EgressPolicy.ts"
import { StorageError } from "../../src/Storage.ts"
import { agent, environment, session } from "../support/records.ts"
import { limited } from "./urls.ts"

const withCatalog = (members: Partial<Catalog["Service"]>, env: object = {}) =>
  PolicyStore.layer({
    sessionId: session("1").id,
    environmentId: environment("1").id,
    agentId: agent("1").id,
    policyIds: [],
    toolUseId: null
  }).pipe(
    Layer.provide([
      Layer.mock(Catalog, members),
      EgressSession.layerNone,
      SecureRandom.layerWebCrypto,
      ConfigProvider.layer(ConfigProvider.fromUnknown(env))
    ])
  )

const environmentWith = (networking: Networking) =>
  environment("1", { config: { type: "cloud", backend: "isolate", networking } })

const boundaryWith = (environment: Environment) => ({ environment: Option.some(environment), policies: [] })

const decide = Effect.flatMap(EgressPolicy, (policy) =>
  policy.decide({ method: "GET", url: new URL("https://example.com/") })
)
const record = Effect.flatMap(EgressPolicy, (policy) =>
  policy.record({
    method: "GET",
    scheme: "https",
    host: "example.com",
    port: 443,
    path: "/",
    outcome: "allowed",
    reason: "allowed_hosts: example.com",
    policy_id: null,
    policy_version: null,
    rule: "allowed_hosts: example.com",
    approval: null,
    status: 200
  })
)

describe("PolicyStore", () => {
  it.effect("a change of the environment counts from the next request on", () =>
    Effect.gen(function* () {
      const stored = yield* Ref.make(environmentWith(limited()))
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* decide).outcome, "blocked")
        yield* Ref.set(stored, environmentWith(limited("example.com")))
        assert.strictEqual((yield* decide).outcome, "allowed")
        yield* Ref.set(stored, environmentWith(limited()))
        assert.strictEqual((yield* decide).outcome, "blocked")
      }).pipe(Effect.provide(withCatalog({ boundary: () => Effect.map(Ref.get(stored), boundaryWith) })))
    })
  )

  const closed: Record<string, Catalog["Service"]["boundary"]> = {
    "an environment that does not exist": () => Effect.succeed({ environment: Option.none(), policies: [] }),
    "a catalog that cannot be read": () => Effect.fail(new StorageError({ operation: "boundary", cause: "down" })),
    "a catalog that breaks": () => Effect.die("broken")
  }
  for (const [name, boundary] of Object.entries(closed)) {
    it.effect(`${name} blocks`, () =>
      decide.pipe(
        Effect.provide(withCatalog({ boundary })),
        Effect.map(({ outcome }) => assert.strictEqual(outcome, "blocked"))
      )
    )
  }

  const unwritten: Record<string, Catalog["Service"]["addDecision"]> = {
    fails: () => Effect.fail(new StorageError({ operation: "addDecision", cause: "down" })),
    breaks: () => Effect.die("broken")
  }
  for (const [name, addDecision] of Object.entries(unwritten)) {
    it.effect(`a record whose writing ${name} is AuditFailed`, () =>
      record.pipe(
        Effect.provide(withCatalog({ addDecision })),
        Effect.flip,
        Effect.map((error) => assert.strictEqual(error._tag, "AuditFailed"))
      )
    )
  }

  for (const value of ["{", "[]", '{"*": {"x-key": "v"}}']) {
    it.effect(`EGRESS_HEADERS = ${JSON.stringify(value)} stops the layer`, () =>
      decide.pipe(
        Effect.provide(withCatalog({}, { EGRESS_HEADERS: value })),
        Effect.flip,
        Effect.map((error) => assert.include(error.message, "EGRESS_HEADERS"))
      )
    )
  }
})
