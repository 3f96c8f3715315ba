import assert from "node:assert/strict"
import { inspect } from "node:util"
import { Context, Effect, Redacted } from "effect"
import type { EgressDecision } from "../src/domain/Egress.ts"
import type { Networking } from "../src/domain/Environment.ts"
import { defaultLimits } from "../src/domain/Policy.ts"
import { EgressPolicy } from "../src/EgressPolicy.ts"
import type { Contract } from "./support/contract.ts"

/** What the layer under test has recorded, oldest first. */
export class Recorded extends Context.Service<Recorded, Effect.Effect<ReadonlyArray<EgressDecision>, unknown>>()(
  "ownloop/test/EgressPolicy/Recorded"
) {}

/** What the layer under test is made with. */
export const networking: Networking = {
  type: "limited",
  allowed_hosts: ["api.example.com", "*.example.org", "127.0.0.1:8080"],
  allow_package_managers: false,
  allow_mcp_servers: false
}
export const secret = "hunter2-hunter2"
export const egressHeaders = JSON.stringify({
  "api.example.com": { Authorization: `Bearer ${secret}` },
  "*.example.org": { "x-team": secret },
  "not-allowed.example": { "x-key": secret }
})

const decide = (url: string, method = "GET") =>
  Effect.flatMap(EgressPolicy, (policy) => policy.decide({ method, url: new URL(url) }))

const outcomes = (...urls: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(urls, (url) => decide(url)),
    (verdicts) => verdicts.map(({ outcome }) => outcome)
  )

export const contract: Contract<EgressPolicy | Recorded> = {
  "a host that no rule names is blocked, and the reason says so": Effect.gen(function* () {
    assert.deepEqual(yield* decide("https://example.com/"), {
      outcome: "blocked",
      reason: "no rule allows this host",
      rule: { policy_id: null, policy_version: null, rule: null },
      approval: null,
      limits: defaultLimits
    })
  }),
  "a host that is named passes, and the reason names the rule": Effect.gen(function* () {
    const verdict = yield* decide("http://127.0.0.1:8080/")
    assert.ok(verdict.outcome === "allowed")
    const { attachment, ...said } = verdict
    assert.deepEqual([attachment.headers, attachment.names], [{}, []])
    assert.deepEqual(said, {
      outcome: "allowed",
      reason: "allowed_hosts: 127.0.0.1:8080",
      rule: { policy_id: null, policy_version: null, rule: "allowed_hosts: 127.0.0.1:8080" },
      approval: null,
      via: null,
      limits: defaultLimits
    })
  }),
  "the deployment's headers are attached to the hosts they are bound to": Effect.gen(function* () {
    const verdict = yield* decide("https://api.example.com/v1?x=1")
    assert.ok(verdict.outcome === "injected")
    assert.deepEqual(Object.keys(verdict.attachment.headers), ["Authorization"])
    assert.equal(Redacted.value(verdict.attachment.headers["Authorization"]!), `Bearer ${secret}`)
    assert.deepEqual(yield* outcomes("https://www.example.org/"), ["injected"])
  }),
  "on http a request passes without them": Effect.gen(function* () {
    assert.deepEqual(yield* outcomes("http://api.example.com/", "http://api.example.com:80/"), ["allowed", "allowed"])
  }),
  "headers bound to a host do not make it allowed": Effect.gen(function* () {
    assert.deepEqual(yield* outcomes("https://not-allowed.example/"), ["blocked"])
  }),
  "a verdict that is printed shows no secret": Effect.gen(function* () {
    const verdict = yield* decide("https://api.example.com/")
    assert.ok(!`${JSON.stringify(verdict)} ${inspect(verdict, { depth: 9 })}`.includes(secret))
  }),
  "what is recorded can be read back, in order, each under its own id": Effect.gen(function* () {
    const policy = yield* EgressPolicy
    const decision = {
      method: "GET",
      scheme: "https",
      host: "api.example.com",
      port: 443,
      path: "/v1",
      outcome: "injected",
      reason: "allowed_hosts: api.example.com",
      policy_id: null,
      policy_version: null,
      rule: "allowed_hosts: api.example.com",
      approval: null,
      status: null
    } as const
    const came = { status: 200, bytes_out: 1, bytes_in: 2, duration_ms: 3 }
    const written = yield* policy.record(decision)
    yield* policy.note(yield* policy.record({ ...decision, outcome: "blocked" }))
    yield* policy.note({ ...written, status: 200 })
    yield* policy.complete({ ...written, ...came })
    const [first, second, ...rest] = yield* yield* Recorded
    assert.ok(first !== undefined && second !== undefined && rest.length === 0)
    const { id, session_id, agent_id, created_at, type, ...recorded } = first
    assert.deepEqual(recorded, { ...decision, ...came, tool_use_id: null })
    assert.equal(id, written.id)
    assert.equal(type, "egress_decision")
    assert.match(id, /^egrs_/)
    assert.ok(agent_id === null || agent_id.startsWith("agent_"))
    assert.match(session_id, /^sesn_/)
    assert.match(created_at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    assert.deepEqual([second.outcome, second.status, second.bytes_in, second.id === id], ["blocked", null, null, false])
  })
}
