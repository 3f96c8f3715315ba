import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import { maskAnthropicKeys } from "../domain/AnthropicKey.ts"
import { partsOf, scrubber } from "../egress/scrub.ts"
import { secretNames, variable } from "../model/ProviderSettings.ts"

const secretName = /key|token|secret|password|credential/i

/**
 * Takes out of a text what must not reach a model or the log: Anthropic keys, the values of bindings that are named like secrets, each root
 * key, the secrets of model providers, and the credentials of `EGRESS_HEADERS`. What vaults hold never gets here: the gateway takes it out of every answer.
 */
export const redactor = (bindings: object): ((text: string) => string) => {
  const providers = new Set(secretNames(Reflect.get(bindings, variable)))
  const secrets = Object.entries(bindings).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value !== "string") return []
    if (name === "EGRESS_HEADERS") return [value, ...egressSecrets(value)]
    if (providers.has(name)) return partsOf(value)
    if (name === "OWNLOOP_ROOT_KEY") return [value, ...value.split(/[:,\s]+/)]
    return secretName.test(name) ? [value] : []
  })
  const { text: scrub } = scrubber(secrets)
  return (text) => scrub(maskAnthropicKeys(text))
}

const egressSecrets = (config: string): ReadonlyArray<string> =>
  Option.match(decodeHeaders(config), {
    onNone: () => [],
    onSome: (hosts) => Record.values(hosts).flatMap(Record.values).flatMap(partsOf)
  })

const decodeHeaders = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.String)))
)
