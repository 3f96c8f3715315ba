import { Option, Record, Schema } from "effect"
import { mask, maskAnthropicKeys } from "../domain/AnthropicKey.ts"

const secretName = /key|token|secret|password|credential/i

/** Characters of a value that count as a secret: shorter ones stand in any text. */
const minLength = 8

/**
 * Takes out of a text what must not reach a model or the log: Anthropic keys, the values of bindings that are named like secrets, and the
 * credentials of `EGRESS_HEADERS`.
 */
export const redactor = (bindings: object): ((text: string) => string) => {
  const secrets = Object.entries(bindings)
    .flatMap(([name, value]: [string, unknown]) => {
      if (typeof value !== "string") return []
      if (name === "EGRESS_HEADERS") return [value, ...egressSecrets(value)]
      return secretName.test(name) ? [value] : []
    })
    .filter((secret) => secret.length >= minLength)
    // The longest first: one that begins another would leave the rest of it.
    .sort((a, b) => b.length - a.length)
  return (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, mask), maskAnthropicKeys(text))
}

/** Each header's value, and what follows a scheme such as `Bearer ` in it. */
const egressSecrets = (config: string): ReadonlyArray<string> =>
  Option.match(decodeHeaders(config), {
    onNone: () => [],
    onSome: (hosts) =>
      Record.values(hosts)
        .flatMap(Record.values)
        .flatMap((value) => [value, value.replace(/^[\w-]+\s+/, "")])
  })

const decodeHeaders = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.String)))
)
