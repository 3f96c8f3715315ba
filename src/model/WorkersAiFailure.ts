import { QuotaExceeded, TimedOut } from "../ModelClient.ts"
import { type Classify, clip, reasonOf } from "./ProviderFailure.ts"

/** Workers AI's own codes say more than its HTTP status, and its binding gives no status at all. */
export const classify: Classify = (failure) => {
  const code = Number(failure.code) || codeIn(failure.detail)
  const detail = clip(failure.detail)
  switch (code) {
    case 3036: // The free neurons of the day are used up.
    case 5035: // The model needs the paid plan.
      return new QuotaExceeded({ detail })
    case 3007:
    case 3008:
      return new TimedOut({ detail })
  }
  return reasonOf({ ...failure, status: statuses[code] ?? (malformed.test(failure.detail) ? 400 : failure.status) })
}

/** Errors of the binding are text: `5007: No such model ...`, `InferenceUpstreamError: 3040: ...`. */
const codeIn = (text: string): number => Number(/(?:^|\s)(\d{4,5}):\s/.exec(text)?.[1])

const statuses: { readonly [code: number]: number | undefined } = {
  3003: 400,
  3006: 413,
  3023: 403,
  3039: 400,
  3040: 503, // Out of capacity; the documentation calls it 429, but asking less would not help.
  3041: 403,
  3042: 410,
  5004: 400,
  5005: 400,
  5007: 410,
  5016: 403,
  5018: 403,
  5019: 400,
  8001: 400,
  8006: 400,
  10000: 401
}

/** Schema errors of older models come without a code, and so does the binding's answer where nobody is logged in. */
const malformed = /' not met|not in '|run remotely/
