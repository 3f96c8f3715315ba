import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { Digest } from "effect/crypto"
import * as Memory from "../../layers/storage/Memory.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { EgressTarget } from "../../src/domain/Egress.ts"
import { EventId } from "../../src/domain/Ids.ts"
import type { PolicyRule } from "../../src/domain/Policy.ts"
import { allowing, amend } from "../../src/egress/amend.ts"
import { policy } from "../support/records.ts"
import { boundary, effectOf } from "./policies.ts"

const target: EgressTarget = { method: "POST", scheme: "https", host: "a.example", port: 443, path: "/x" }
const allowed: PolicyRule = {
  effect: "allow",
  host: "a.example",
  scheme: "https",
  port: 443,
  methods: ["POST"],
  path: "/x"
}
const asking: PolicyRule = { effect: "ask", host: "a.example" }

describe("allowing a request for ever", () => {
  const amended = (rules: ReadonlyArray<PolicyRule>, fields: Partial<EgressTarget> = {}) =>
    Result.getOrElse(allowing(rules, { ...target, ...fields }), (problem) => problem)

  it("adds a rule for just this request", () => {
    const rules = amended([asking])
    assert.deepStrictEqual(rules, [asking, allowed])
    const decides = boundary([rules as ReadonlyArray<PolicyRule>])
    assert.deepStrictEqual(
      [
        effectOf(decides, "https://a.example/x?any=query", "POST"),
        effectOf(decides, "https://a.example/x", "GET"),
        effectOf(decides, "https://a.example/x/y", "POST"),
        effectOf(decides, "http://a.example/x", "POST")
      ],
      ["allow", "ask", "ask", "ask"]
    )
  })

  it("changes nothing where it is allowed already", () => {
    const rules = [asking, allowed]
    assert.strictEqual(amended(rules), rules)
  })

  it("goes the way of the rule that asked", () => {
    const via = { type: "binding", binding: "DB" } as const
    assert.deepStrictEqual(amended([{ ...asking, via }]), [
      { ...asking, via },
      { ...allowed, via }
    ])
  })

  it("takes its method from a rule that asks for exactly this", () => {
    const exact = { ...allowed, effect: "ask", methods: ["GET", "post"] } as const
    assert.deepStrictEqual(amended([asking, exact]), [asking, { ...exact, methods: ["GET"] }, allowed])
    assert.deepStrictEqual(amended([{ ...exact, methods: ["POST"] }]), [allowed])
  })

  it("is refused where no rule can say it", () => {
    assert.strictEqual(amended([asking], { path: "/a*b" }), "no rule of it can allow just this request")
    assert.strictEqual(amended([asking, { ...allowed, host: "*a" }]), "it is broken")
    for (const rules of [[], [asking, { ...allowed, effect: "deny" as const }]]) {
      assert.strictEqual(amended(rules), "it does not let that through any more")
    }
  })
})

it.effect("saves a version of the policy, once", () =>
  Effect.gen(function* () {
    const catalog = yield* Catalog
    const before = policy("1", { rules: [asking], limits: { total_ms: 5 } })
    yield* catalog.addPolicyVersion(before)
    const ask = {
      ...target,
      tool_use_id: EventId.make("sevt_1"),
      policy_id: before.id,
      policy_version: before.version,
      rule: "rules[0]",
      expires_at: before.created_at
    }
    for (let time = 0; time < 2; time++) assert.isNull(yield* amend(ask, "approval in sesn_1"))
    const after = Option.getOrThrow(yield* catalog.policy(before.id))
    const { version, ...saved } = after
    assert.deepInclude(saved, { revision: 2, author: "approval in sesn_1", limits: { total_ms: 5 } })
    assert.deepStrictEqual(saved.rules, [asking, allowed])
    assert.match(version, /^[0-9a-f]{64}$/)
    yield* catalog.archivePolicy(before.id, before.created_at)
    assert.strictEqual(yield* amend(ask, "approval in sesn_1"), "it is archived")
  }).pipe(Effect.provide([Memory.catalog, Digest.layerWebCrypto]))
)
