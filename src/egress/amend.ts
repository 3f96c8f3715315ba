import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Digest from "effect/crypto/Digest"
import { Catalog } from "../Catalog.ts"
import { now } from "../domain/Common.ts"
import type { EgressAsk, EgressTarget } from "../domain/Egress.ts"
import type { EventId, SessionId } from "../domain/Ids.ts"
import type { Policy, PolicyRule } from "../domain/Policy.ts"
import type { StorageError } from "../Storage.ts"
import { decide } from "./decide.ts"
import * as PolicyRules from "./policy.ts"
import { ruleSet } from "./rules.ts"
import { urlOf } from "./target.ts"

/** The rules with one more, which allows just this request; fails with the reason where that cannot be. Unchanged where it is allowed. */
export const allowing = (
  rules: ReadonlyArray<PolicyRule>,
  target: EgressTarget
): Result.Result<ReadonlyArray<PolicyRule>, string> => {
  const before = decided(rules, target)
  if (before === undefined) return Result.fail("it is broken")
  if (before.effect === "allow") return Result.succeed(rules)
  // The policy has changed since it asked, or does not speak of it any more.
  if (before.effect === "deny") return Result.fail("it does not let that through any more")
  const { host, method, path, port, scheme } = target
  const via = before.via === null ? {} : { via: before.via }
  const rule: PolicyRule = { effect: "allow", host, scheme, port, methods: [method], path, ...via }
  // One that asks for exactly this, perhaps with other methods, would go before it.
  const place = rules.findIndex((_, at) => `rules[${at}]` === before.rule?.name)
  const narrowed = rules.flatMap((other, at) => (at === place ? without(other, method) : [other]))
  for (const amended of [
    [...rules, rule],
    [...narrowed, rule]
  ]) {
    if (decided(amended, target)?.effect === "allow") return Result.succeed(amended)
  }
  return Result.fail("no rule of it can allow just this request")
}

const without = (rule: PolicyRule, method: string): ReadonlyArray<PolicyRule> => {
  const methods = (rule.methods ?? []).filter((other) => other.toUpperCase() !== method)
  return methods.length === 0 ? [] : [{ ...rule, methods }]
}

/** Undefined where one of the rules is none. */
const decided = (rules: ReadonlyArray<PolicyRule>, target: EgressTarget) => {
  const entries = PolicyRules.parseRules({ rules, limits: {} })
  return Result.isFailure(entries)
    ? undefined
    : decide(
        { environment: [ruleSet(entries.success)], agent: [] },
        { method: target.method, url: new URL(urlOf(target)) }
      )
}

/** Saves a version of the policy that asked which allows the request. Doing it again changes nothing. Answers why it could not be done. */
export const amend = Effect.fn("Policy.amend")(
  function* (ask: EgressAsk, author: string) {
    const catalog = yield* Catalog
    const stored = yield* catalog.policy(ask.policy_id)
    if (Option.isNone(stored) || stored.value.archived_at !== null) return "it is archived"
    const policy = stored.value
    const amended = allowing(policy.rules, ask)
    if (Result.isFailure(amended)) return amended.failure
    if (amended.success === policy.rules) return null
    const content = { rules: amended.success, limits: policy.limits }
    const entries = PolicyRules.parseRules(content)
    if (Result.isFailure(entries)) return entries.failure
    const next: Policy = {
      ...policy,
      ...content,
      ...(yield* PolicyRules.derived(content, entries.success)),
      revision: policy.revision + 1,
      author,
      updated_at: yield* now
    }
    return (yield* catalog.addPolicyVersion(next)) ? null : yield* new Overtaken()
  },
  Effect.retry({ times: 4, while: (error) => error._tag === "Overtaken" }),
  Effect.catchTag("Overtaken", () => Effect.succeed("it is being updated by others all the time"))
)

/** Another update has made the version that this one was about to make. */
class Overtaken extends Data.TaggedError("Overtaken") {}

/** What a person allowed for ever, in the policy that asked. */
export class PolicyAmendments extends Context.Service<
  PolicyAmendments,
  {
    /** Answers what the session is told of it. Doing it again changes nothing. */
    allow(
      question: { readonly id: EventId; readonly egress: EgressAsk },
      sessionId: SessionId
    ): Effect.Effect<string, StorageError>
  }
>()("ownloop/egress/PolicyAmendments") {
  static readonly layer: Layer.Layer<PolicyAmendments, never, Catalog> = Layer.effect(
    PolicyAmendments,
    Effect.map(Effect.context<Catalog | Digest.Digest>(), (services) => ({
      allow: Effect.fn("PolicyAmendments.allow")(function* ({ egress }, sessionId) {
        const problem = yield* Effect.provide(amend(egress, `approval in ${sessionId}`), services)
        const request = `${egress.method} ${urlOf(egress)}`
        return problem === null
          ? `${request} is allowed now, and from now on: send it again`
          : `${request} is allowed now: send it again. It could not be allowed for ever by the policy ${egress.policy_id}: ${problem}`
      })
    }))
  ).pipe(Layer.provide(Digest.layerWebCrypto))
}
