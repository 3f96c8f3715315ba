import type { EgressAsk, EgressTarget } from "../domain/Egress.ts"
import type { EventId } from "../domain/Ids.ts"
import { urlOf } from "../egress/target.ts"
import { type OpenCall, unanswered } from "./Calls.ts"
import type { State } from "./State.ts"

/** What a person said of an outbound request: `once` and `denied` hold until the turn ends, `session` as long as the session. */
export interface Approval {
  /** Of the `agent.tool_use` that asked. */
  readonly id: EventId
  readonly target: EgressTarget
  readonly scope: "once" | "session" | "denied"
}

/** Questions of one tool call that may be open at a time. */
const maxAsks = 20

/** What holds for a request: a denial before an approval, and one for the session before one that is used up. */
export const find = ({ approvals }: State, target: EgressTarget): Approval | undefined => {
  const said = approvals.filter((approval) => isSame(approval.target, target))
  return said.find(({ scope }) => scope === "denied") ?? said.find(({ scope }) => scope === "session") ?? said.at(0)
}

/** Whether a person can be asked about a request of this tool call: only while it runs. `asked` where it is asked already. */
export const canAsk = (state: State, ask: EgressAsk): "yes" | "no" | "asked" => {
  if (state.status !== "running" || state.interrupted) return "no"
  const open = unanswered(state)
  const parent = open.find(({ id }) => id === ask.tool_use_id)
  if (parent?.runner !== "deployment" || parent.permission !== "allow") return "no"
  const asks = open.filter(({ egress }) => egress?.tool_use_id === ask.tool_use_id)
  if (asks.some(({ egress, permission }) => permission === "ask" && egress !== null && isSame(egress, ask)))
    return "asked"
  return asks.length < maxAsks ? "yes" : "no"
}

/** The state after a person's answer to a question. */
export const answer = (
  state: State,
  { id, egress }: OpenCall & { readonly egress: EgressAsk },
  scope: Approval["scope"]
): State => ({
  ...state,
  approvals: [...state.approvals.filter((approval) => approval.id !== id), { id, target: egress, scope }]
})

/** An approval that was for one request is used up. */
export const use = (state: State, id: EventId): State => ({
  ...state,
  approvals: state.approvals.filter((approval) => approval.id !== id || approval.scope !== "once")
})

export const atTurnEnd = (state: State): State => ({
  ...state,
  approvals: state.approvals.filter(({ scope }) => scope === "session")
})

/** What became of a call that is not run. */
export const outcomeOf = ({ denial, egress, permission }: OpenCall): string => {
  if (egress === null) return `not run: ${denial ?? "denied"}`
  const request = `${egress.method} ${urlOf(egress)}`
  if (permission === "allow") return `${request} is allowed now: send it again`
  return permission === "deny"
    ? `${request} is not allowed: ${denial ?? "denied"}`
    : `${request}: nobody allowed it in time`
}

/** Nobody answered in time. */
export const isExpired = ({ egress, permission }: OpenCall, now: number) =>
  permission === "ask" && egress !== null && Date.parse(egress.expires_at) <= now

const isSame = (a: EgressTarget, b: EgressTarget) =>
  a.method === b.method && a.scheme === b.scheme && a.host === b.host && a.port === b.port && a.path === b.path
