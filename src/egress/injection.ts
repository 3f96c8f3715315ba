import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { identity } from "effect/Function"
import { AnthropicKeyRefused, carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import { isHeaderName, isHeaderValue } from "../domain/Header.ts"
import type { Grant } from "./attach.ts"
import { isForwardable } from "./headers.ts"
import { parsePattern } from "./pattern.ts"

/** The deployment's credentials are not in order. Names the field, never a value. */
export class EgressConfigInvalid extends Schema.TaggedError<EgressConfigInvalid>()("EgressConfigInvalid", {
  field: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.field}: ${this.detail}`
  }
}

/**
 * Reads `EGRESS_HEADERS`: a JSON object of host pattern to headers, `{ "api.example.com": { "authorization": "Bearer ..." } }`. Of
 * several patterns that match a request the most specific one attaches its headers.
 */
export const decodeInjections = Effect.fn("Egress.decodeInjections")(function* (
  config: Redacted.Redacted
): Effect.fn.Return<ReadonlyArray<Grant>, EgressConfigInvalid | AnthropicKeyRefused> {
  const root = "EGRESS_HEADERS"
  // A parser's own message quotes the text it could not read.
  const entries = yield* decodeHosts(Redacted.value(config)).pipe(
    Effect.mapError(
      () => new EgressConfigInvalid({ field: root, detail: "must be a JSON object of host pattern to headers" })
    )
  )
  const grants: Array<Grant> = []
  const bindings = new Set<string>()
  for (const [host, unknown] of Object.entries(entries)) {
    if (carriesAnthropicKey(host)) return yield* new AnthropicKeyRefused({ where: `a host pattern in ${root}` })
    const field = `${root}[${JSON.stringify(host)}]`
    const pattern = parsePattern(host)
    if (pattern === undefined) return yield* new EgressConfigInvalid({ field, detail: "is not a host pattern" })
    if (pattern.key === "*") {
      return yield* new EgressConfigInvalid({ field, detail: "would give a credential to every host" })
    }
    const binding = `${pattern.key}:${pattern.port ?? 443}`
    if (bindings.has(binding)) return yield* new EgressConfigInvalid({ field, detail: "stands there twice" })
    bindings.add(binding)
    const headers = yield* decodeHeaders(unknown).pipe(
      Effect.mapError(() => new EgressConfigInvalid({ field, detail: "must be an object of header name to text" }))
    )
    for (const [name, value] of Object.entries(headers)) {
      yield* checkHeader(field, name, Redacted.value(value))
      const use = { type: "header", header: name, format: identity } as const
      grants.push({ name: root, binding: { hosts: [pattern] }, value: Result.succeed(value), use })
    }
  }
  return grants
})

const checkHeader = (field: string, name: string, value: string) => {
  if (carriesAnthropicKey(name)) return Effect.fail(new AnthropicKeyRefused({ where: `a header name in ${field}` }))
  const where = `${field}[${JSON.stringify(name)}]`
  if (carriesAnthropicKey(value)) return Effect.fail(new AnthropicKeyRefused({ where }))
  if (!isHeaderName(name) || !isForwardable(name.toLowerCase())) {
    return Effect.fail(new EgressConfigInvalid({ field: where, detail: "is not a header that can be attached" }))
  }
  if (!isHeaderValue(value)) {
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
