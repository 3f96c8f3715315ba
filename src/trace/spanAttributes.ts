import { timestamp } from "../domain/Common.ts"
import type { EgressDecision, EgressRule, EgressTarget } from "../domain/Egress.ts"
import type { ModelUsage, SandboxOperation, SessionEvent } from "../domain/Event.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { toolName } from "../domain/StructuredOutput.ts"
import type { Spent } from "../loop/Spent.ts"
import { OpenSpan } from "./OpenSpan.ts"
import type { Span } from "./Span.ts"

/**
 * OpenTelemetry's semantic conventions for generative AI, in their version 1.41: `gen_ai.provider.name` in place of the older `gen_ai.system`,
 * and `gen_ai.usage.input_tokens` with the cached ones in it.
 */

type Of<Type extends SessionEvent["type"]> = Extract<SessionEvent, { readonly type: Type }>
type Attributes = Span["attributes"]

/** Who serves a model, as its id says. */
const providerOf = (model: string): string =>
  model.startsWith("@cf/") ? "cloudflare.workers_ai" : model.includes("/") ? model.slice(0, model.indexOf("/")) : model

export const ofTurn = ({ agent, id }: SessionRecord): Attributes => ({
  "gen_ai.operation.name": "invoke_agent",
  "gen_ai.agent.id": agent.id,
  "gen_ai.agent.name": agent.name,
  "gen_ai.agent.version": String(agent.version),
  "gen_ai.conversation.id": id,
  "gen_ai.request.model": agent.model.id,
  "gen_ai.provider.name": providerOf(agent.model.id)
})

export const ofRequest = ({ model, purpose, request_hash }: Of<"span.model_request_start">): Attributes => ({
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": providerOf(model),
  "gen_ai.request.model": model,
  "gen_ai.request.stream": true,
  ...(purpose === undefined ? {} : { "ownloop.request.purpose": purpose }),
  ...(request_hash === undefined ? {} : { "ownloop.request.hash": request_hash })
})

const usage = (usage: ModelUsage): Attributes => ({
  "gen_ai.usage.input_tokens": usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens,
  "gen_ai.usage.output_tokens": usage.output_tokens,
  "gen_ai.usage.cache_read.input_tokens": usage.cache_read_input_tokens,
  "gen_ai.usage.cache_creation.input_tokens": usage.cache_creation_input_tokens
})

export const ofEnd = ({
  is_error,
  list_cost_usd,
  model_usage,
  truncated
}: Of<"span.model_request_end">): Attributes => ({
  ...(is_error ? {} : usage(model_usage)),
  ...(list_cost_usd === undefined ? {} : { "ownloop.cost.list_usd": list_cost_usd }),
  ...(truncated === true ? { "gen_ai.response.finish_reasons": ["length"] } : {})
})

/** What a turn has used up, of what its session has. */
export const ofSpent = (before: Spent, after: Spent): Attributes => ({
  ...usage({
    input_tokens: after.usage.input_tokens - before.usage.input_tokens,
    output_tokens: after.usage.output_tokens - before.usage.output_tokens,
    cache_read_input_tokens: after.usage.cache_read_input_tokens - before.usage.cache_read_input_tokens,
    cache_creation_input_tokens: after.usage.cache_creation_input_tokens - before.usage.cache_creation_input_tokens
  }),
  "ownloop.cost.list_usd": after.listCost - before.listCost
})

export const ofCall = (event: Of<"agent.tool_use" | "agent.custom_tool_use">, content: boolean): Attributes => ({
  "gen_ai.operation.name": "execute_tool",
  "gen_ai.tool.name": event.name,
  "gen_ai.tool.call.id": event.id,
  "gen_ai.tool.type": "function",
  "ownloop.tool.runner":
    event.type === "agent.custom_tool_use" ? "client" : event.name === toolName ? "loop" : "deployment",
  ...(event.type === "agent.tool_use" ? { "ownloop.tool.permission": event.evaluated_permission } : {}),
  ...(content ? { "gen_ai.tool.call.arguments": cut(JSON.stringify(event.input)) } : {})
})

export const ofResult = ({ content = [] }: Of<"agent.tool_result" | "user.custom_tool_result">): Attributes => ({
  "gen_ai.tool.call.result": cut(textOf(content))
})

export const ofOutput = ({ content }: Of<"agent.message">): Attributes => ({
  "gen_ai.output.messages": JSON.stringify([
    { role: "assistant", parts: [{ type: "text", content: cut(textOf(content)) }], finish_reason: "stop" }
  ])
})

export const operation = (id: string, { error, milliseconds, name, started_at }: SandboxOperation): OpenSpan => {
  const span = new OpenSpan(id, `sandbox ${name}`, started_at, { "ownloop.sandbox.operation": name })
  if (error !== undefined) span.fail(error)
  return span.end(timestamp(Date.parse(started_at) + milliseconds))
}

/** A request, and the rule that speaks of it. */
const ofRequested = (request: Omit<EgressTarget, "scheme"> & { readonly scheme: string } & EgressRule): Attributes => ({
  "http.request.method": request.method,
  "url.scheme": request.scheme,
  "server.address": request.host,
  "server.port": request.port,
  "url.path": request.path,
  ...(request.policy_id === null ? {} : { "ownloop.egress.policy.id": request.policy_id }),
  ...(request.policy_version === null ? {} : { "ownloop.egress.policy.version": request.policy_version }),
  ...(request.rule === null ? {} : { "ownloop.egress.rule": request.rule })
})

/** An outbound request. Only when it was decided about is known: it takes no time. */
export const egress = (
  id: string,
  decision: Pick<EgressDecision, keyof EgressTarget | keyof EgressRule | "approval" | "outcome" | "reason" | "status">,
  at: string
): OpenSpan => {
  const { approval, outcome, reason, status } = decision
  const attributes: Attributes = {
    ...ofRequested(decision),
    "ownloop.egress.outcome": outcome,
    "ownloop.egress.reason": reason,
    ...(approval === null ? {} : { "ownloop.egress.approval": approval }),
    ...(status === null ? {} : { "http.response.status_code": status })
  }
  const span = new OpenSpan(id, `egress ${decision.method}`, at, attributes, "client")
  return (outcome === "blocked" ? span.fail("blocked") : span).end(at)
}

/** A person is asked about a call, or about a request that one sends. */
export const ofQuestion = ({ egress, id, name }: Of<"agent.tool_use">): Attributes => ({
  "ownloop.approval.id": id,
  "gen_ai.tool.call.id": egress?.tool_use_id ?? id,
  ...(egress === undefined
    ? { "gen_ai.tool.name": name }
    : { ...ofRequested(egress), "ownloop.approval.expires_at": egress.expires_at })
})

export const ofAnswer = (
  { deny_message, result, scope }: Of<"user.tool_confirmation">,
  content: boolean
): Attributes => ({
  "ownloop.approval.result": result,
  ...(scope == null ? {} : { "ownloop.approval.scope": scope }),
  ...(content && deny_message != null ? { "ownloop.approval.deny_message": cut(deny_message) } : {})
})

export const ofUse = (toolUse: string | null, at: string): Attributes => ({
  "ownloop.approval.used_at": at,
  ...(toolUse === null ? {} : { "ownloop.approval.used_by": toolUse })
})

const textOf = (content: ReadonlyArray<{ readonly text: string }>) => content.map(({ text }) => text).join("\n")

/** Characters of a text that a span holds. */
const longest = 8_000
const cut = (text: string) => (text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()}...`)
