import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Ref } from "effect"
import { SecureRandom } from "effect/crypto"
import * as PolicyStore from "../../layers/egress/PolicyStore.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { EgressApproval } from "../../src/domain/Egress.ts"
import type { Environment, Networking } from "../../src/domain/Environment.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { EgressPolicy, type EgressQuestion, EgressSession } from "../../src/EgressPolicy.ts"
import { StorageError } from "../../src/Storage.ts"
import { agent, environment, policy } from "../support/records.ts"
import { limited } from "./urls.ts"

const withCatalog = (
  members: Partial<Catalog["Service"]>,
  env: object = {},
  session: Layer.Layer<EgressSession> = EgressSession.layerNone
) =>
  PolicyStore.layer({
    sessionId: SessionId.make("sesn_1"),
    environmentId: environment("1").id,
    agentId: agent("1").id,
    policyIds: [],
    toolUseId: null
  }).pipe(
    Layer.provide([
      Layer.mock(Catalog, members),
      session,
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

  const questions: ReadonlyArray<
    readonly [answer: EgressApproval | "unasked", outcome: "allowed" | "blocked", approval: EgressApproval | null]
  > = [
    ["once", "allowed", "once"],
    ["session", "allowed", "session"],
    ["asked", "blocked", "asked"],
    ["denied", "blocked", "denied"],
    ["unasked", "blocked", null]
  ]
  const asking = policy("1", { rules: [{ effect: "ask", host: "example.com" }] })
  const stored = {
    boundary: () =>
      Effect.succeed({
        environment: Option.some(environment("1", { config: { ...environment("1").config, policy_ids: [asking.id] } })),
        policies: [asking]
      })
  }
  for (const [answer, outcome, approval] of questions) {
    it.effect(`a request that a rule asks about is ${outcome} where the answer is ${answer}`, () =>
      Effect.gen(function* () {
        const asked: Array<EgressQuestion> = []
        const session = Layer.mock(EgressSession, {
          approve: (question) => Effect.sync(() => (asked.push(question), answer))
        })
        const verdict = yield* Effect.provide(decide, withCatalog(stored, {}, session))
        assert.deepInclude(verdict, { outcome, approval })
        assert.deepStrictEqual(asked, [
          {
            tool_use_id: null,
            method: "GET",
            scheme: "https",
            host: "example.com",
            port: 443,
            path: "/",
            policy_id: asking.id,
            policy_version: asking.version,
            rule: "rules[0]"
          }
        ])
      })
    )
  }

  it.effect("nobody is asked about a request that holds an Anthropic key, or whose path nobody would read", () =>
    Effect.gen(function* () {
      const policy = yield* EgressPolicy
      for (const path of ["sk-ant-api03-x", "%73k-ant-api03-x", `?key=sk-ant-api03-x`, "x".repeat(3_000)]) {
        const url = new URL(`https://example.com/${path}`)
        assert.strictEqual((yield* policy.decide({ method: "GET", url })).outcome, "blocked")
      }
      // Asking would be a defect of this mock.
    }).pipe(Effect.provide(withCatalog(stored, {}, Layer.mock(EgressSession, {}))))
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
