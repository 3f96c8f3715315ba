import { isRetryable } from "../ModelClient.ts"
import type { Failure, State } from "./State.ts"

/** Times that one model is asked before the next one is. */
const maxAttempts = 5

/** Which model is asked next. */
export interface ModelChoice {
  readonly model: string
  /** Milliseconds to wait before, give or take a little. */
  readonly pause: number
  /** Milliseconds that its provider wished for at least. */
  readonly retryAfter: number
}

/** The first is not waited for; then the waits grow to 15 s. */
const pauseAfter = (attempts: number) => (attempts === 0 ? 0 : Math.min(500 * 2 ** (attempts - 1), 15_000))

/** The longest wait that a provider's own wish (`Retry-After`) is granted. */
const longestRetryAfter = 30_000

const isGivenUp = (failures: ReadonlyArray<Failure>) =>
  failures.length >= maxAttempts || failures.some(({ reason }) => !isRetryable(reason))

/** The next midnight, UTC: that is when Workers AI's daily allowance begins again. */
const midnight = (at: number) => Math.floor(at / 86_400_000 + 1) * 86_400_000

/** Milliseconds that a model without capacity is left alone, where its provider named no other time. */
const capacityPause = 60_000

/** Until when a model that failed so is not asked where another can be; 0 where that makes no difference to it. */
export const restsUntil = (failures: ReadonlyArray<Failure>, at: number): number => {
  const last = failures.at(-1)
  if (last?.reason === "QuotaExceeded") return midnight(at)
  const isBusy = last?.reason === "Overloaded" || last?.reason === "RateLimited"
  return isBusy && isGivenUp(failures) ? at + Math.max(last.retryAfterMs, capacityPause) : 0
}

/**
 * The first model that is not given up, and before it those that are not out of capacity or quota; null where all are given up. The one that
 * answers this turn goes on with it: it has the conversation cached.
 */
export const choose = (
  models: ReadonlyArray<string>,
  { answeredBy, failures, resting }: Pick<State, "answeredBy" | "failures" | "resting">,
  now: number
): ModelChoice | null => {
  const inOrder = [...models.filter((model) => model === answeredBy), ...models]
  const isResting = (model: string) => (resting[model] ?? 0) > now
  for (const model of [...inOrder.filter((model) => !isResting(model)), ...inOrder]) {
    const its = failures.filter((failure) => failure.model === model)
    if (isGivenUp(its)) continue
    return {
      model,
      pause: pauseAfter(its.length),
      retryAfter: Math.min(its.at(-1)?.retryAfterMs ?? 0, longestRetryAfter)
    }
  }
  return null
}

/** Whether it makes sense to ask again much later. */
export const mayPass = (failures: ReadonlyArray<Failure>): boolean => failures.some(({ reason }) => isRetryable(reason))
