import { type Classify, reasonOf } from "./ProviderFailure.ts"

/**
 * Workers AI's own codes say more than its HTTP status, and its binding gives no status at all.
 * https://developers.cloudflare.com/workers-ai/platform/errors/ lists them, but for 2008, 5035, 8001, 8006 and 10000.
 */
export const classify: Classify = (failure) => {
  const code = Number.parseInt(failure.code, 10) || codeIn(failure.detail)
  const status = statuses[code] ?? uncoded.find(([said]) => said.test(failure.detail))?.[1] ?? failure.status
  return reasonOf({ ...failure, status })
}

/** Errors of the binding are text: `5007: No such model ...`, `InferenceUpstreamError: 3040: ...`. */
const codeIn = (text: string): number => Number(/(?:^|\s)(\d{4,5}):\s/.exec(text)?.[1])

export const hasCode = (text: string): boolean => codeIn(text) > 0

/** The status that says what a code means for the caller, which is not always the documented one. */
const statuses: { readonly [code: number]: number | undefined } = {
  2008: 410, // The gateway knows no such provider.
  3003: 400,
  3006: 413,
  3007: 408,
  3008: 408,
  3023: 403,
  3036: 402, // The free neurons of the day are used up: asking again does not help before 00:00 UTC.
  3039: 400,
  3040: 503, // Out of capacity; documented as 429, but asking less would not help.
  3041: 403,
  3042: 410,
  5004: 400,
  5005: 400,
  5007: 410,
  5016: 403,
  5018: 403,
  5019: 400,
  5035: 402, // The model needs the paid plan.
  8001: 400,
  8006: 400,
  10000: 401
}

const uncoded: ReadonlyArray<readonly [said: RegExp, status: number]> = [
  // Schema errors of older models, and the binding's answer where nobody is logged in.
  [/' not met|not in '|run remotely/, 400],
  // The model answered, but not as it should.
  [/JSON Mode couldn't be met/i, 200]
]
