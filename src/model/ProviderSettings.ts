import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AnthropicKeyRefused, carriesAnthropicKey } from "../domain/AnthropicKey.ts"
import { isHeaderName, isHeaderValue } from "../domain/Header.ts"
import * as Issue from "../domain/Issue.ts"
import { Gateway } from "./AiGateway.ts"

/** What a deployment says of its model providers is not in order. Names the field, never a value. */
export class ProvidersInvalid extends Schema.TaggedError<ProvidersInvalid>()("ProvidersInvalid", {
  field: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.field}: ${this.detail}`
  }
}

/** A server that speaks the chat completions API. Secrets are named, never written out. */
const OpenAiCompatible = Schema.Struct({
  /** With the version: `http://127.0.0.1:11434/v1`. */
  base_url: Schema.String,
  /** The secret that is sent as `Authorization: Bearer`. */
  api_key_secret: Schema.optionalKey(Schema.NonEmptyString),
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** Headers whose whole values are secrets, for example `{"cf-aig-authorization": "AI_GATEWAY_AUTHORIZATION"}`. */
  secret_headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.NonEmptyString))
})
type OpenAiCompatible = typeof OpenAiCompatible.Type

const WorkersAi = Schema.Struct({ gateway: Schema.optionalKey(Gateway) })

export interface Named extends OpenAiCompatible {
  /** The part of a model id before the first slash. */
  readonly name: string
  /** Where it is configured, for errors. */
  readonly field: string
}

export interface ProviderSettings {
  readonly workersAi: typeof WorkersAi.Type
  readonly named: ReadonlyArray<Named>
}

export const none: ProviderSettings = { workersAi: {}, named: [] }

/** The variable that holds them: a JSON object of provider name to settings. `@cf` is Workers AI. */
export const variable = "OWNLOOP_PROVIDERS"

/** Providers that are there by other means. */
const reserved: ReadonlyMap<string, string> = new Map([
  ["demo", "is the built-in stand-in"],
  ["local", "is the server that OPENAI_BASE_URL names"]
])

export const parse = Effect.fn("ProviderSettings.parse")(function* (
  text: string
): Effect.fn.Return<ProviderSettings, ProvidersInvalid | AnthropicKeyRefused> {
  // A parser's own message quotes the text that it could not read.
  const entries = yield* decodeEntries(text).pipe(
    Effect.mapError(
      () => new ProvidersInvalid({ field: variable, detail: "must be a JSON object of name to settings" })
    )
  )
  if (carriesAnthropicKey(JSON.stringify(entries))) return yield* new AnthropicKeyRefused({ where: variable })
  const { "@cf": cloudflare = {}, ...others } = entries
  const workersAi = yield* decodeWorkersAi(cloudflare).pipe(Effect.mapError(invalid(`${variable}.@cf`)))
  const named = yield* Effect.forEach(Object.entries(others), ([name, settings]) => decodeNamed(name, settings))
  return { workersAi, named }
})

const decodeNamed = Effect.fnUntraced(function* (name: string, settings: unknown) {
  const field = `${variable}.${name}`
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name)) {
    return yield* new ProvidersInvalid({
      field: variable,
      detail: `${JSON.stringify(name.slice(0, 64))} is no name: letters, digits, ".", "_" and "-", and no slash`
    })
  }
  const taken = reserved.get(name)
  if (taken !== undefined) return yield* new ProvidersInvalid({ field, detail: `the name is taken: it ${taken}` })
  const decoded = yield* decodeOpenAiCompatible(settings).pipe(Effect.mapError(invalid(field)))
  return yield* check({ name, field, ...decoded })
})

/** The provider `local`, from the variables that many programs share. */
export const local = (baseUrl: string, hasKey: boolean): Effect.Effect<Named, ProvidersInvalid> =>
  checkUrl("OPENAI_BASE_URL", baseUrl).pipe(
    Effect.as({
      name: "local",
      field: "OPENAI_BASE_URL",
      base_url: baseUrl,
      ...(hasKey ? { api_key_secret: "OPENAI_API_KEY" } : {})
    })
  )

type Secrets = Pick<OpenAiCompatible, "api_key_secret" | "secret_headers">

const secretsOf = ({ api_key_secret, secret_headers = {} }: Secrets): ReadonlyArray<string> => [
  ...(api_key_secret === undefined ? [] : [api_key_secret]),
  ...Object.values(secret_headers)
]

/** Which secrets are those of providers, by what the variable says: tools do not get them. What is wrong with it is for `parse` to say. */
export const secretNames = (text: unknown): ReadonlyArray<string> =>
  Option.match(decodeSecrets(text), {
    onNone: () => [],
    onSome: (providers) => Object.values(providers).flatMap(secretsOf)
  })

const check = Effect.fnUntraced(function* (provider: Named) {
  const { api_key_secret, base_url, field, headers = {}, secret_headers = {} } = provider
  yield* checkUrl(`${field}.base_url`, base_url)
  const own = secretsOf(provider).find((name) => /^(OWNLOOP_|EGRESS_HEADERS$)/.test(name))
  if (own !== undefined) {
    return yield* new ProvidersInvalid({ field, detail: `names ${own}, which is a secret of the deployment itself` })
  }
  const names = new Set(api_key_secret === undefined ? [] : ["authorization"])
  for (const [part, list] of Object.entries({ headers, secret_headers })) {
    for (const [name, value] of Object.entries(list)) {
      const detail = fault(name.toLowerCase(), part === "headers" ? value : undefined, names)
      if (detail !== undefined) return yield* new ProvidersInvalid({ field: `${field}.${part}.${name}`, detail })
      names.add(name.toLowerCase())
    }
  }
  return provider
})

const checkUrl = (field: string, url: string): Effect.Effect<void, ProvidersInvalid> => {
  const { hash, password, protocol, search, username } = URL.parse(url) ?? {}
  const fits = (protocol === "http:" || protocol === "https:") && `${hash}${password}${search}${username}` === ""
  return fits
    ? Effect.void
    : Effect.fail(
        new ProvidersInvalid({ field, detail: "must be an http or https URL, without a user, a query or a fragment" })
      )
}

/** What is wrong with a header; `value` where it is written out, undefined where it is a secret. */
const fault = (name: string, value: string | undefined, names: ReadonlySet<string>): string | undefined => {
  if (!isHeaderName(name)) return "is no header name"
  if (ownHeaders.has(name)) return "is set by Ownloop itself"
  if (names.has(name)) return "stands there twice"
  if (value === undefined) return undefined
  if (credential.test(name)) return "carries a credential: name a secret for it, in secret_headers"
  return isHeaderValue(value) ? undefined : "is empty, or holds a character that no header may hold"
}

const ownHeaders = new Set([
  "accept",
  "content-length",
  "content-type",
  "host",
  "transfer-encoding",
  "x-session-affinity"
])
const credential = /authorization$|^cookie$|api-?key$|token$|secret$/

const invalid = (root: string) => (error: Schema.SchemaError) => {
  const [issue] = Issue.list(error.issue, undefined)
  const path = issue === undefined || issue.field === "" ? "" : `.${issue.field}`
  return new ProvidersInvalid({ field: `${root}${path}`, detail: issue?.message ?? "is not valid" })
}

const decodeEntries = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
const decodeSecrets = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Record(
      Schema.String,
      Schema.Struct({
        api_key_secret: Schema.optionalKey(Schema.String),
        secret_headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
      })
    )
  )
)
const decodeOpenAiCompatible = Schema.decodeUnknownEffect(OpenAiCompatible, { onExcessProperty: "error" })
const decodeWorkersAi = Schema.decodeUnknownEffect(WorkersAi, { onExcessProperty: "error" })
