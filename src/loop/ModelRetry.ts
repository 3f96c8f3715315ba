import { Duration, Effect, Schedule } from "effect"
import type { SessionErrorType } from "../domain/Event.ts"
import type { ModelError } from "../ModelClient.ts"
import type { SessionNotFound } from "../Sessions.ts"
import type { StorageError } from "../Storage.ts"

/** The longest wait that a provider's own wish (`Retry-After`) is granted. */
const longestRetryAfter = Duration.seconds(30)

/** How a model request can end; only the model's own failures are tried again. */
export type Failure = ModelError | SessionNotFound | StorageError

/** Five attempts in all, with growing, jittered pauses of at most 15 s; a provider's wish is honoured within bounds. */
export const schedule = Schedule.min([Schedule.exponential("500 millis"), Schedule.spaced("15 seconds")]).pipe(
  Schedule.jittered,
  Schedule.upTo({ times: 4 }),
  Schedule.setInputType<Failure>(),
  Schedule.while(({ input }) => input._tag === "ModelError" && input.isRetryable),
  Schedule.modifyDelay(({ duration, input }) => Effect.succeed(Duration.max(duration, wish(input))))
)

const wish = (failure: Failure) =>
  failure._tag === "ModelError" && "retryAfterMs" in failure.reason && failure.reason.retryAfterMs !== undefined
    ? Duration.min(Duration.millis(failure.reason.retryAfterMs), longestRetryAfter)
    : Duration.zero

/** The wire API's name for what went wrong. */
export const errorType = (error: ModelError): SessionErrorType => {
  switch (error.reason._tag) {
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
