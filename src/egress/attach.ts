import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Attachment, EgressRequest, Placeholder, Renew } from "../EgressPolicy.ts"
import { type Binding, precisionOf } from "./binding.ts"
import { partsOf } from "./scrub.ts"

export const nothingAttached: Attachment = { headers: {}, placeholders: [], names: [], secrets: [], renewals: [] }

/** One credential, as the gateway may use it. */
export interface Grant {
  /** Says which it is in the audit: never its value. Of several with one name, the one that is bound most narrowly is used. */
  readonly name: string
  readonly binding: Binding
  /** Or why it cannot be read. */
  readonly value: Result.Result<Redacted.Redacted, string>
  readonly use: HeaderUse | PlaceholderUse
  /** Of one that can get another value: whether it needs one now, and how. */
  readonly renewal?: { readonly isDue: boolean; readonly renew: Renew }
}

interface HeaderUse {
  readonly type: "header"
  readonly header: string
  /** The header's value for that of the credential. */
  readonly format: (value: string) => string
}

interface PlaceholderUse extends Pick<Placeholder, "header" | "body"> {
  readonly type: "placeholder"
  readonly texts: ReadonlyArray<string>
}

/**
 * What of a session's credentials a request gets that the policy lets pass: for each header the one that is bound most narrowly, of equals
 * the first. All of it or nothing: where one of them cannot be read, the reason why the request must not be sent.
 */
export const attach = (grants: ReadonlyArray<Grant>, request: EgressRequest): Result.Result<Attachment, string> => {
  const headers = new Map<string, readonly [name: string, value: Redacted.Redacted]>()
  const placeholders: Array<Placeholder> = []
  const names = new Set<string>()
  const renewals: Array<Renew> = []
  for (const { name, renewal, use, value } of applying(grants, request)) {
    if (use.type === "header" && headers.has(use.header.toLowerCase())) continue
    if (Result.isFailure(value)) return Result.fail(`the credential ${name} cannot be used: ${value.failure}`)
    if (use.type === "placeholder") {
      const { header, body, texts } = use
      for (const text of texts) placeholders.push({ name, text, value: value.success, header, body })
      continue
    }
    const text = use.format(Redacted.value(value.success))
    if (!/^[\t\x20-\x7e\x80-\xff]+$/.test(text)) {
      return Result.fail(`the credential ${name} cannot be used: it holds what no header may hold`)
    }
    headers.set(use.header.toLowerCase(), [use.header, Redacted.make(text)])
    names.add(name)
    if (renewal !== undefined) renewals.push(renewal.renew)
  }
  return Result.succeed({
    headers: Object.fromEntries(headers.values()),
    placeholders,
    names: [...names],
    secrets: secretsOf(grants),
    renewals
  })
}

/** What must be renewed before a request is sent. */
export const renewalsDue = (grants: ReadonlyArray<Grant>, request: EgressRequest): ReadonlyArray<Renew> =>
  applying(grants, request).flatMap(({ renewal }) => (renewal?.isDue ? [renewal.renew] : []))

/** The grants that cover a request, the most narrowly bound first. */
const applying = (grants: ReadonlyArray<Grant>, request: EgressRequest) => {
  const covering = grants.flatMap((grant) => {
    const precision = precisionOf(grant.binding, request)
    return precision === undefined ? [] : [{ grant, precision }]
  })
  return covering
    .filter(({ grant, precision }) =>
      covering.every((other) => other.grant.name !== grant.name || other.precision <= precision)
    )
    .toSorted((a, b) => b.precision - a.precision)
    .map(({ grant }) => grant)
}

/** No answer may show any of a session's credentials, whoever gives it: a service may store what it was sent. */
const secretsOf = (grants: ReadonlyArray<Grant>): ReadonlyArray<Redacted.Redacted> =>
  grants.flatMap(({ use, value }) =>
    Result.match(Result.map(value, Redacted.value), {
      onFailure: () => [],
      onSuccess: (secret) => (use.type === "header" ? [secret, ...partsOf(use.format(secret))] : [secret])
    }).map((secret) => Redacted.make(secret))
  )
