import type { SessionError, SessionErrorType } from "../domain/Event.ts"
import type { ModelError } from "../ModelClient.ts"
import type { NewEvent } from "./SessionLog.ts"

/** What ends or delays a turn, as `session.error` events. */

const event = (error: SessionError): NewEvent => ({ type: "session.error", error })

const exhausted = (type: SessionErrorType, message: string, reason?: string): NewEvent =>
  event({ type, message, ...(reason === undefined ? {} : { reason }), retry_status: { type: "exhausted" } })

/** The wire API's name for what went wrong. */
const typeOf = ({ reason }: ModelError): SessionErrorType => {
  switch (reason._tag) {
    case "RateLimited":
      return "model_rate_limited_error"
    case "Overloaded":
      return "model_overloaded_error"
    case "QuotaExceeded":
      return "billing_error"
    case "ConnectionFailed":
    case "TimedOut":
    case "InvalidResponse":
    case "AnswerTooLong":
    case "InvalidRequest":
    case "ContextOverflow":
    case "AuthenticationFailed":
    case "ModelNotFound":
      return "model_request_failed_error"
  }
}

export const ofModel = (error: ModelError, retry: "retrying" | "exhausted"): NewEvent => {
  const { message, model, reason } = error
  const retryAfter =
    "retryAfterMs" in reason && reason.retryAfterMs !== undefined ? { retry_after_ms: reason.retryAfterMs } : {}
  return event({
    type: typeOf(error),
    message,
    reason: reason._tag,
    model,
    ...retryAfter,
    retry_status: { type: retry }
  })
}

export const limits = {
  steps: exhausted(
    "tool_use_limit_reached_error",
    "the turn reached its limit of model requests; send a message to go on"
  ),
  rejections: exhausted(
    "model_request_failed_error",
    "the model called tools several times in a row in ways that cannot be run, and did not mend them; ask it differently, or use another model",
    "MalformedToolCalls"
  ),
  reminders: exhausted(
    "model_request_failed_error",
    "the model did not give its answer in the form that output_config demands: it answered in text, and did so again when it was reminded; ask it differently, or use another model",
    "StructuredOutputMissing"
  ),
  compactions: exhausted(
    "compaction_limit_reached_error",
    "the conversation was summarised several times in a row and still does not fit the model; start another session, or use a model with a larger context window"
  )
}

export const recoveries = (count: number): NewEvent =>
  exhausted(
    "unknown_error",
    `the process that runs this session died ${count} times at the same place; the turn is given up, send a message to go on`,
    "RecoveriesExhausted"
  )
