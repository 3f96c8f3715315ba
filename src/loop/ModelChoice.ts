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

/** The first model that is not given up; null where all are. The one that answers this turn goes on with it: it has the conversation cached. */
export const choose = (
  models: ReadonlyArray<string>,
  { answeredBy, failures }: Pick<State, "answeredBy" | "failures">
): ModelChoice | null => {
  const first = models.filter((model) => model === answeredBy)
  for (const model of [...first, ...models]) {
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
