import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { EffortLevel } from "./domain/Agent.ts"
import type { ModelUsage } from "./domain/Event.ts"
import type { EventId, SessionId } from "./domain/Ids.ts"
import type { JsonSchema } from "./domain/JsonSchema.ts"

/** A tool call as it stands in the conversation: `id` is ours (that of the `agent.tool_use` event). */
export interface ToolCall {
  readonly id: EventId
  readonly name: string
  readonly input: { readonly [key: string]: Schema.Json }
}

/** One message of the conversation, neutral of any provider. */
export type Message =
  | { readonly role: "user"; readonly text: string }
  | {
      readonly role: "assistant"
      readonly text: string
      readonly reasoning: string
      readonly toolCalls: ReadonlyArray<ToolCall>
    }
  | {
      readonly role: "tool"
      readonly toolCallId: EventId
      readonly name: string
      readonly text: string
      readonly isError: boolean
    }

export interface ModelTool {
  readonly name: string
  readonly description: string
  readonly parameters: JsonSchema
}

export interface ModelRequest {
  /** Names its provider: `@cf/...`, `<provider>/<model>`, `demo`. */
  readonly model: string
  /** How hard to think; a model that does not know it, such as a fallback, thinks as it usually does. */
  readonly effort?: EffortLevel
  /** Sent as the affinity key, so that a provider's prefix cache hits. */
  readonly sessionId: SessionId
  readonly system: string
  readonly messages: ReadonlyArray<Message>
  readonly tools: ReadonlyArray<ModelTool>
}

/**
 * One piece of a model's answer. `arguments` is the JSON text as the model wrote it, not yet validated.
 * A stream that succeeds holds exactly one `finish`, as its last part; `truncated` where the model reached its length limit.
 */
export type ModelPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  | {
      readonly type: "tool_call"
      readonly name: string
      readonly arguments: string
      /** Why it cannot be run, whatever its arguments: for the model to read. */
      readonly problem?: string
    }
  | { readonly type: "finish"; readonly usage: ModelUsage; readonly truncated: boolean }

const retryAfter = Schema.optionalKey(Schema.Finite)

/** The provider asked for fewer requests; `retryAfterMs` is its own wish. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  detail: Schema.String,
  retryAfterMs: retryAfter
}) {}
/** The provider has no capacity now, or failed on its side (5xx). */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  detail: Schema.String,
  retryAfterMs: retryAfter
}) {}
/** No connection, or it broke off: also a stream that ended before its end marker. */
export class ConnectionFailed extends Schema.TaggedError<ConnectionFailed>()("ConnectionFailed", {
  detail: Schema.String
}) {}
/** Nothing came for too long. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", { detail: Schema.String }) {}
/** The answer is not in any shape this provider documents. */
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>()("InvalidResponse", {
  detail: Schema.String
}) {}
/** The answer is longer than a session can hold: asking again would not help. */
export class AnswerTooLong extends Schema.TaggedError<AnswerTooLong>()("AnswerTooLong", { detail: Schema.String }) {}
/** The provider refused the request itself (4xx): asking again would not help. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", { detail: Schema.String }) {}
/** The conversation does not fit the model's context window, or the request what its server takes. */
export class ContextOverflow extends Schema.TaggedError<ContextOverflow>()("ContextOverflow", {
  detail: Schema.String
}) {}
/** The key is missing, wrong or without permission. */
export class AuthenticationFailed extends Schema.TaggedError<AuthenticationFailed>()("AuthenticationFailed", {
  detail: Schema.String
}) {}
/** The account's quota or plan does not allow it, for example Workers AI's daily neurons (3036) or a paid model (5035). */
export class QuotaExceeded extends Schema.TaggedError<QuotaExceeded>()("QuotaExceeded", { detail: Schema.String }) {}
/** No provider or model of this name is configured. */
export class ModelNotFound extends Schema.TaggedError<ModelNotFound>()("ModelNotFound", { detail: Schema.String }) {}

export const ModelErrorReason = Schema.Union([
  RateLimited,
  Overloaded,
  ConnectionFailed,
  TimedOut,
  InvalidResponse,
  AnswerTooLong,
  InvalidRequest,
  ContextOverflow,
  AuthenticationFailed,
  QuotaExceeded,
  ModelNotFound
])
export type ModelErrorReason = typeof ModelErrorReason.Type

export class ModelError extends Schema.TaggedError<ModelError>()("ModelError", {
  model: Schema.String,
  reason: ModelErrorReason
}) {
  override get message(): string {
    return `${this.model}: ${this.reason._tag}: ${this.reason.detail}`
  }
}

const passing: ReadonlySet<string> = new Set<ModelErrorReason["_tag"]>([
  "RateLimited",
  "Overloaded",
  "ConnectionFailed",
  "TimedOut",
  "InvalidResponse"
])

/** Whether a failure of this reason may pass, so that the same model can be asked again. */
export const isRetryable = (reason: string): boolean => passing.has(reason)

/** The brain: sends a conversation to a model and streams its answer. It never retries: the loop does. */
export class ModelClient extends Context.Service<
  ModelClient,
  {
    stream(request: ModelRequest): Stream.Stream<ModelPart, ModelError>
  }
>()("ownloop/ModelClient") {}
