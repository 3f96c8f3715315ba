import { Effect, Redacted, Schema } from "effect"
import { AnthropicKeyRefused, carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import { canonicalHost } from "./address.ts"
import { isForwardable } from "./headers.ts"
import { parsePattern, wildcardKeys } from "./pattern.ts"

/** The deployment's credentials are not in order. Names the field, never a value. */
export class EgressConfigInvalid extends Schema.TaggedError<EgressConfigInvalid>()("EgressConfigInvalid", {
  field: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.field}: ${this.detail}`
  }
}

type Attached = { readonly [name: string]: Redacted.Redacted }

/** Headers to attach over https, under the `<host pattern>:<port>` they are bound to. */
export type Injections = ReadonlyMap<string, Attached>

export const noInjections: Injections = new Map()

/** Reads `EGRESS_HEADERS`: a JSON object of host pattern to headers, `{ "api.example.com": { "authorization": "Bearer ..." } }`. */
export const decodeInjections = Effect.fn("Egress.decodeInjections")(function* (
  config: Redacted.Redacted
): Effect.fn.Return<Injections, EgressConfigInvalid | AnthropicKeyRefused> {
  const root = "EGRESS_HEADERS"
  // A parser's own message quotes the text it could not read.
  const entries = yield* decodeHosts(Redacted.value(config)).pipe(
    Effect.mapError(
      () => new EgressConfigInvalid({ field: root, detail: "must be a JSON object of host pattern to headers" })
    )
  )
  const injections = new Map<string, Attached>()
  for (const [host, unknown] of Object.entries(entries)) {
    if (carriesAnthropicKey(host)) return yield* new AnthropicKeyRefused({ where: `a host pattern in ${root}` })
    const field = `${root}[${JSON.stringify(host)}]`
    const pattern = parsePattern(host)
    if (pattern === undefined) return yield* new EgressConfigInvalid({ field, detail: "is not a host pattern" })
    if (pattern.key === "*") {
      return yield* new EgressConfigInvalid({ field, detail: "would give a credential to every host" })
    }
    const binding = `${pattern.key}:${pattern.port ?? 443}`
    if (injections.has(binding)) return yield* new EgressConfigInvalid({ field, detail: "stands there twice" })
    const headers = yield* decodeHeaders(unknown).pipe(
      Effect.mapError(() => new EgressConfigInvalid({ field, detail: "must be an object of header name to text" }))
    )
    for (const [name, value] of Object.entries(headers)) yield* checkHeader(field, name, Redacted.value(value))
    injections.set(binding, headers)
  }
  return injections
})

/** What is attached to a request that passes: the headers of the most specific host pattern. */
export const attachedTo = (injections: Injections, url: URL): Attached | undefined => {
  const host = canonicalHost(url.hostname)
  if (url.protocol !== "https:" || host === undefined) return undefined
  const port = url.port === "" ? "443" : url.port
  const key = [host, ...wildcardKeys(host)].find((key) => injections.has(`${key}:${port}`))
  return key === undefined ? undefined : injections.get(`${key}:${port}`)
}

const checkHeader = (field: string, name: string, value: string) => {
  if (carriesAnthropicKey(name)) return Effect.fail(new AnthropicKeyRefused({ where: `a header name in ${field}` }))
  const where = `${field}[${JSON.stringify(name)}]`
  if (carriesAnthropicKey(value)) return Effect.fail(new AnthropicKeyRefused({ where }))
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name) || !isForwardable(name.toLowerCase())) {
    return Effect.fail(new EgressConfigInvalid({ field: where, detail: "is not a header that can be attached" }))
  }
  // Line breaks would smuggle further headers in.
  if (!/^[\t\x20-\x7e\x80-\xff]+$/.test(value)) {
    return Effect.fail(
      new EgressConfigInvalid({
        field: where,
        detail: "the value is empty or holds a character that no header may hold"
      })
    )
  }
  return Effect.void
}

const decodeHosts = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
const decodeHeaders = Schema.decodeUnknownEffect(Schema.Record(Schema.String, Schema.RedactedFromValue(Schema.String)))
