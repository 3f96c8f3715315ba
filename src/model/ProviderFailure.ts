import * as Predicate from "effect/Predicate"
import {
  AuthenticationFailed,
  ContextOverflow,
  InvalidRequest,
  InvalidResponse,
  type ModelErrorReason,
  ModelNotFound,
  Overloaded,
  QuotaExceeded,
  RateLimited,
  TimedOut
} from "../ModelClient.ts"
import { parseJson } from "./ChatChunk.ts"

/** How a server said no, or something that makes no sense. */
export interface ProviderFailure {
  /** HTTP status, or the one that the message itself names. Below 400: the answer is no answer. */
  readonly status: number
  /** The server's own code and type; empty where it gave none. */
  readonly code: string
  readonly detail: string
  readonly retryAfterMs?: number
}

/** A failure answered as an HTTP error. */
export const fromResponse = (status: number, body: string, retryAfterMs: number | undefined): ProviderFailure => {
  const stated = fromJson(parseJson(body))
  return {
    status,
    code: stated?.code ?? "",
    detail: stated?.detail || body.trim() || `HTTP status ${status}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  }
}

/**
 * A failure inside a successful answer; undefined where the value holds none. Known shapes: `{error: {message, code, type}}`,
 * `{error: text}`, `{object: "error", message}`, `{errors: [{code, message}]}`.
 */
export const fromJson = (json: unknown): ProviderFailure | undefined => {
  if (!Predicate.isObject(json)) return undefined
  const first = Array.isArray(json.errors) ? (json.errors[0] as unknown) : undefined
  const stated = first ?? (json.object === "error" ? json : json.error) ?? json.detail ?? json.message
  if (stated === undefined || stated === null || stated === false) return undefined
  const fields = Predicate.isObject(stated) ? stated : { message: stated }
  const code = [fields.code, fields.type].filter((value) => Predicate.isString(value) || Predicate.isNumber(value))
  const message = Predicate.isString(fields.message) ? fields.message : JSON.stringify(stated)
  const status = [fields.code, json.code, fields.status].map(Number).find((value) => value >= 400 && value < 600)
  return { status: status ?? 500, code: code.join(" "), detail: message }
}

/** What it means for the caller. */
export type Classify = (failure: ProviderFailure) => ModelErrorReason

export const reasonOf: Classify = ({ status, code, detail: said, retryAfterMs }) => {
  const detail = clip(said)
  if (status < 400) return new InvalidResponse({ detail })
  if (status === 408) return new TimedOut({ detail })
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  const text = `${code} ${said}`
  if (status === 401 || status === 403) return new AuthenticationFailed({ detail })
  if (status === 402 || quota.test(text)) return new QuotaExceeded({ detail })
  if (status === 429 || rateLimit.test(code)) return new RateLimited({ detail, ...wait })
  if (status === 413 || contextOverflow.test(text)) return new ContextOverflow({ detail })
  if (status === 410 || (status < 500 && modelNotFound.test(text))) return new ModelNotFound({ detail })
  if (status >= 500) return new Overloaded({ detail, ...wait })
  return new InvalidRequest({ detail })
}

const detailLength = 500

export const clip = (text: string): string =>
  text.length > detailLength ? `${text.slice(0, detailLength - 3)}...` : text

const quota = /insufficient_quota|insufficient.{0,10}balance/i
const rateLimit = /rate_?limit/i
const contextOverflow =
  /context_length_exceeded|exceed_context_size|maximum context length|(context|prompt|input).{0,60}(too (long|large|many)|exceed|larger than|longer than)|exceeds?.{0,60}context/i
const modelNotFound =
  /model_not_found|unknown model|no such model|model\b.{0,100}\b(not found|not exist|not available|does not exist|doesn't exist)/i

/** `Retry-After` (seconds or a date) or `retry-after-ms`, in milliseconds; undefined where there is none that can be read. */
export const retryAfterMs = (
  headers: { readonly [name: string]: string | undefined },
  now: number
): number | undefined => {
  const header = headers["retry-after"] ?? ""
  const isSeconds = /^\s*\d+(\.\d+)?\s*$/.test(header)
  return [
    Number.parseFloat(headers["retry-after-ms"] ?? ""),
    isSeconds ? Number.parseFloat(header) * 1000 : Math.max(0, Date.parse(header) - now)
  ].find((wait) => wait >= 0 && Number.isFinite(wait))
}
