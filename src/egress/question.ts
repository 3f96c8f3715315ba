import { carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import type { EgressApproval } from "../domain/Egress.ts"
import type { EventId } from "../domain/Ids.ts"
import type { EgressQuestion, EgressRequest } from "../EgressPolicy.ts"
import { type Decision, portOfScheme } from "./decide.ts"

/** Characters of a path that a person is asked about. */
const maxPath = 2_048

/** What a person is to be asked; null where no rule wants that. */
export const questionOf = (
  { effect, rule }: Decision,
  { method, url }: EgressRequest,
  tool_use_id: EventId | null
): EgressQuestion | null => {
  if (effect !== "ask" || rule === null || rule.policy === null) return null
  // What the session's log must not hold, and what nobody would read.
  if (carriesAnthropicKey(url.href) || url.pathname.length > maxPath) return null
  const scheme = url.protocol === "https:" ? "https" : "http"
  return {
    tool_use_id,
    method: method.toUpperCase(),
    scheme,
    host: url.hostname,
    port: url.port === "" ? portOfScheme(url.protocol)! : Number(url.port), // A rule matched: it is one of the two schemes.
    path: url.pathname,
    policy_id: rule.policy.id,
    policy_version: rule.policy.version,
    rule: rule.name
  }
}

/** What a decision becomes by the answer. */
export const after = (decision: Decision, answer: EgressApproval | "unasked"): Decision => {
  const { effect, says } = answers[answer]
  return { ...decision, effect, reason: `${decision.reason}: ${says}` }
}

type Answer = Pick<Decision, "effect"> & { readonly says: string }

const answers: Record<EgressApproval | "unasked", Answer> = {
  once: { effect: "allow", says: "a person allowed it once" },
  session: { effect: "allow", says: "a person allowed it for this session" },
  denied: { effect: "deny", says: "a person did not allow it" },
  asked: {
    effect: "deny",
    says: "a person is asked whether it may be sent; once that is answered the result of this call says so"
  },
  unasked: { effect: "deny", says: "a person must allow it, and nobody can be asked now" }
}
