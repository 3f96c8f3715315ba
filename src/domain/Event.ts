import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { Budget } from "./Budget.ts"
import { Metadata, Timestamp } from "./Common.ts"
import { auditOnly, EgressAsk, EgressDecision } from "./Egress.ts"
import { EventId, SessionId, TaskId } from "./Ids.ts"

/** One event of a session, in the shape of the wire API. The log of them is the only truth of a session. */

export const TextBlock = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })
export type TextBlock = typeof TextBlock.Type

const event = <const Type extends string, Fields extends Schema.Struct.Fields>(type: Type, fields: Fields) =>
  Schema.Struct({ id: EventId, type: Schema.Literal(type), processed_at: Timestamp, ...fields })

/** `processed_at` is null while the event is queued: it is logged again, under the same id, when the turn takes it in. */
const input = <const Type extends string, Fields extends Schema.Struct.Fields>(type: Type, fields: Fields) =>
  Schema.Struct({ id: EventId, type: Schema.Literal(type), processed_at: Schema.NullOr(Timestamp), ...fields })

/** The attempt of a task that a message was sent for. */
export const TaskAttempt = Schema.Struct({ id: TaskId, attempt: Schema.Int })
export type TaskAttempt = typeof TaskAttempt.Type

/**
 * `traceparent` is ours: the W3C trace context of the request that brought the message. The turn that it begins is part of that trace. So is
 * `task`, of a message with which a task goes on with a session.
 */
const userMessage = {
  content: Schema.NonEmptyArray(TextBlock),
  traceparent: Schema.optionalKey(Schema.String),
  task: Schema.optionalKey(TaskAttempt)
}
const userInterrupt = {}
const userToolConfirmation = {
  tool_use_id: EventId,
  result: Schema.Literals(["allow", "deny"]),
  /** Ours: how long an outbound request is allowed that waited. `once` where absent; `always` saves a version of the policy that asked. */
  scope: Schema.optionalKey(Schema.NullOr(Schema.Literals(["once", "session", "always"]))),
  deny_message: Schema.optionalKey(Schema.NullOr(Schema.String))
}
const userCustomToolResult = {
  custom_tool_use_id: EventId,
  content: Schema.optionalKey(Schema.Array(TextBlock)),
  is_error: Schema.optionalKey(Schema.NullOr(Schema.Boolean))
}

/** A file of a session in R2; `path` is that in the workspace, without `/workspace/`. `size` is in bytes. */
export const Attachment = Schema.Struct({ path: Schema.String, size: Schema.Int, media_type: Schema.String })
export type Attachment = typeof Attachment.Type

/** What a client may send. */
export const ClientEvent = Schema.Union([
  /** `attachments` are ours: files that are put into the workspace before the message is logged, which names them itself. */
  Schema.Struct({
    type: Schema.Literal("user.message"),
    ...userMessage,
    attachments: Schema.optionalKey(Schema.Array(Attachment))
  }),
  Schema.Struct({ type: Schema.Literal("user.interrupt"), ...userInterrupt }),
  Schema.Struct({ type: Schema.Literal("user.tool_confirmation"), ...userToolConfirmation }),
  Schema.Struct({ type: Schema.Literal("user.custom_tool_result"), ...userCustomToolResult })
])
export type ClientEvent = typeof ClientEvent.Type

/** Tokens as the model's server counted them; zero where it did not say. */
export const ModelUsage = Schema.Struct({
  input_tokens: Schema.Int,
  output_tokens: Schema.Int,
  cache_read_input_tokens: Schema.Int,
  cache_creation_input_tokens: Schema.Int
})
export type ModelUsage = typeof ModelUsage.Type

export const StopReason = Schema.Union([
  Schema.Struct({ type: Schema.Literal("end_turn") }),
  Schema.Struct({ type: Schema.Literal("requires_action"), event_ids: Schema.Array(EventId) }),
  Schema.Struct({ type: Schema.Literal("retries_exhausted") }),
  /** `limit` is ours: which limit of the session's budget was reached, for example `max_tokens`. */
  Schema.Struct({ type: Schema.Literal("budget_reached"), limit: Schema.optionalKey(Schema.String) })
])
export type StopReason = typeof StopReason.Type

export const SessionErrorType = Schema.Literals([
  "unknown_error",
  "model_overloaded_error",
  "model_rate_limited_error",
  "model_request_failed_error",
  "billing_error",
  "tool_use_limit_reached_error",
  "compaction_limit_reached_error"
])
export type SessionErrorType = typeof SessionErrorType.Type

/**
 * Where a `ModelError` is behind the error, it says which: `reason` is its tag, `model` the one that was asked, `retry_after_ms` what its
 * provider wished. These three are ours. Two more are a `reason`: `MalformedToolCalls` of a turn that ended because no
 * call could be run, `StructuredOutputMissing` of one whose model gave its final answer in text alone.
 */
export const SessionError = Schema.Struct({
  type: SessionErrorType,
  message: Schema.String,
  reason: Schema.optionalKey(Schema.String),
  model: Schema.optionalKey(Schema.String),
  retry_after_ms: Schema.optionalKey(Schema.Finite),
  retry_status: Schema.Struct({ type: Schema.Literals(["retrying", "exhausted", "terminal"]) })
})
export type SessionError = typeof SessionError.Type

/**
 * `written` is ours: the text of the arguments as the model wrote it, where `input` is not just its JSON; null where nothing of it was kept,
 * and only the call's result says what was wrong with it.
 */
const toolUse = {
  name: Schema.String,
  input: Schema.Record(Schema.String, Schema.Json),
  written: Schema.optionalKey(Schema.NullOr(Schema.String))
}

/** What the deployment gave a session to work with: its tools as the model is offered them, and its limits. */
export const Setup = Schema.Struct({
  tools: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      description: Schema.String,
      input_schema: Schema.Record(Schema.String, Schema.Json),
      /** May run again under the same idempotency key after a crash. */
      replay_safe: Schema.Boolean
    })
  ),
  /** Model requests that one turn may make. */
  max_steps: Schema.Int,
  /** Times in a row that the session waits for models that failed. */
  max_reschedules: Schema.Int,
  /** Tokens. */
  context_window: Schema.Int
})
export type Setup = typeof Setup.Type

/** One operation of a tool in the session's sandbox. */
export const SandboxOperation = Schema.Struct({
  /** For example `exec`. */
  name: Schema.String,
  started_at: Timestamp,
  milliseconds: Schema.Finite,
  /** Tag of what it failed with. */
  error: Schema.optionalKey(Schema.String)
})
export type SandboxOperation = typeof SandboxOperation.Type

export const SessionEvent = Schema.Union([
  input("user.message", userMessage),
  input("user.interrupt", userInterrupt),
  input("user.tool_confirmation", userToolConfirmation),
  input("user.custom_tool_result", userCustomToolResult),
  event("agent.message", { content: Schema.Array(TextBlock) }),
  /** `content` is ours: the wire API only signals that thinking went on; open models need it sent back. */
  event("agent.thinking", { content: Schema.Array(TextBlock) }),
  /**
   * `egress` is ours: no call of the model, but an outbound request of one, which waits for a confirmation. It is answered like any call, and
   * what came of it joins the result of the call that sent it.
   */
  event("agent.tool_use", {
    ...toolUse,
    evaluated_permission: Schema.Literals(["allow", "ask", "deny"]),
    egress: Schema.optionalKey(EgressAsk)
  }),
  /**
   * Four fields are ours. `stored_characters`: the length of a result too long for the log, of which `content` shows the two ends. `rejected`:
   * there is no such tool or the input does not fit it, so that nothing ran. `started_at`: when the tool was called. `operations`: what it did
   * in the session's sandbox.
   */
  event("agent.tool_result", {
    tool_use_id: EventId,
    content: Schema.Array(TextBlock),
    is_error: Schema.Boolean,
    stored_characters: Schema.optionalKey(Schema.Int),
    rejected: Schema.optionalKey(Schema.Literal(true)),
    started_at: Schema.optionalKey(Timestamp),
    operations: Schema.optionalKey(Schema.Array(SandboxOperation))
  }),
  event("agent.custom_tool_use", toolUse),
  /** Ours: the turn's final answer, where the session has an `output_config`; `tool_use_id` is the call that gave it. */
  event("agent.structured_output", { tool_use_id: EventId, value: Schema.Json }),
  /** Ours: the model answered in text, and is asked to answer in the session's form. `content` is what it reads. */
  event("session.structured_output_reminder", { content: Schema.Array(TextBlock) }),
  /** The first `compacted_messages` of the conversation are from now on shown to the model as this summary. Both fields are ours. */
  event("agent.thread_context_compacted", { summary: Schema.Array(TextBlock), compacted_messages: Schema.Int }),
  /** Ours: everything before it comes from another session, up to this event of it, and from whoever forked that. */
  event("session.forked", { session_id: SessionId, event_id: EventId }),
  /** Ours: what had changed the files of the forked session was called again; `differing` are calls that ended otherwise than they had. */
  event("session.workspace_rebuilt", { calls: Schema.Int, differing: Schema.Array(EventId) }),
  event("session.status_running", {}),
  event("session.status_idle", { stop_reason: StopReason, stop_details: Schema.Null }),
  /** All models failed for now; they are asked again at `resume_at`, which is ours. */
  event("session.status_rescheduled", { resume_at: Timestamp }),
  event("session.status_terminated", {}),
  /** Holds what was changed. `previous_budget` is ours: the one that `budget` took the place of. */
  event("session.updated", {
    title: Schema.optionalKey(Schema.NullOr(Schema.String)),
    metadata: Schema.optionalKey(Metadata),
    budget: Schema.optionalKey(Schema.NullOr(Budget)),
    previous_budget: Schema.optionalKey(Schema.NullOr(Budget))
  }),
  event("session.error", { error: SessionError }),
  /**
   * Four fields are ours. A request asks for the next answer where no other `purpose` is named. `request_hash` is that of what the model is
   * shown; `setup` is there where it is not as it was at the request before.
   */
  event("span.model_request_start", {
    model: Schema.String,
    purpose: Schema.optionalKey(Schema.Literal("compaction")),
    request_hash: Schema.optionalKey(Schema.String),
    setup: Schema.optionalKey(Setup)
  }),
  /**
   * Two fields are ours. `list_cost_usd`: what the tokens cost at list price on that day; absent where the model has no known price.
   * `truncated`: the answer was cut off at the model's length limit.
   */
  event("span.model_request_end", {
    model_request_start_id: EventId,
    is_error: Schema.Boolean,
    model_usage: ModelUsage,
    list_cost_usd: Schema.optionalKey(Schema.Finite),
    truncated: Schema.optionalKey(Schema.Literal(true))
  }),
  /** Ours: an approval of one request is used up by it, before it is sent. */
  event("span.egress_approval_used", { approval_id: EventId, tool_use_id: Schema.NullOr(EventId) }),
  /** Ours: an outbound request of a tool call, before the call's result. What went over the wire is in `GET /v1/egress/decisions`. */
  event("span.egress_request", {
    egress_decision_id: Schema.String,
    ...Struct.omit(EgressDecision.fields, auditOnly),
    tool_use_id: EventId
  })
])
export type SessionEvent = typeof SessionEvent.Type
export type SessionEventType = SessionEvent["type"]

/** Sent to streams that asked for `event_deltas`; never stored. The id is that of the event that will hold the whole. */
export type DeltaFrame =
  | {
      readonly type: "event_start"
      readonly event: { readonly type: "agent.message" | "agent.thinking"; readonly id: EventId }
    }
  | {
      readonly type: "event_delta"
      readonly event_id: EventId
      readonly delta: {
        readonly type: "content_delta"
        readonly index: 0
        readonly content: TextBlock
      }
    }
