import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"

/** What stands in a text in place of a secret. */
export const mask = "[redacted]"

/** A character of the key, plain or percent-encoded as in a URL. */
const either = (character: string) => `(?:${character}|%${character.charCodeAt(0).toString(16)})`
const prefix = Array.from("sk-ant-", (c) => (c === "-" ? either(c) : `(?:${either(c)}|${either(c.toUpperCase())})`))
/** A word of its own: `Bearer sk-ant-...`, `?key=sk-ant-...`, `%20sk-ant-...`; `task-ant-hill` is none. */
const start = "(?<![a-z0-9])|(?<=%[0-9a-f]{2})"
const rest = "(?:[\\w-]|%2d)*"

const anthropicKey = new RegExp(`(?:${start})${prefix.join("")}${rest}`, "gi")

/** In a word at the end of a text: what is such a key, or may become one when the text goes on. */
const beginningKey = new RegExp(
  `(?:${start})(?:${prefix.join("")}|(?:${prefix.map((_, at) => prefix.slice(0, at + 1).join("")).join("|")})$)`,
  "gi"
)

const holdsAnthropicKey = (text: string) => text.search(anthropicKey) !== -1

/** Whether a text carries such a key: plain, percent-encoded as in a URL, or inside a `Basic` credential. */
export const carriesAnthropicKey = (text: string): boolean => holdsAnthropicKey(text) || holdsAnthropicKey(basic(text))

const basic = (text: string) => {
  const encoded = /^\s*basic\s+(\S+)/i.exec(text)?.[1]
  return encoded === undefined ? "" : Result.getOrElse(Base64.decodeString(encoded), () => "")
}

/** The text with `mask` in place of every such key. */
export const maskAnthropicKeys = (text: string): string => text.replace(anthropicKey, mask)

/** Of a text that is still being written, what follows `from`, masked, up to `end`: from there it may yet become such a key. */
export const maskFinished = (text: string, from: number): { readonly text: string; readonly end: number } => {
  let word = text.length
  while (word > from && /[\w%-]/.test(text.charAt(word - 1))) word--
  beginningKey.lastIndex = word
  const finished = text.slice(0, beginningKey.exec(text)?.index)
  let masked = ""
  let at = from
  // Not cut at `from` first: whether a key begins there depends on what is before it.
  anthropicKey.lastIndex = from
  for (let key = anthropicKey.exec(finished); key !== null; key = anthropicKey.exec(finished)) {
    masked += finished.slice(at, key.index) + mask
    at = anthropicKey.lastIndex
  }
  return { text: masked + finished.slice(at), end: finished.length }
}

/** Ownloop runs on open models: such a key has no use here and must not get anywhere. Never holds the value. */
export class AnthropicKeyRefused extends Schema.TaggedError<AnthropicKeyRefused>()("AnthropicKeyRefused", {
  /** What held it, for example `header x-api-key`. */
  where: Schema.String
}) {
  override get message(): string {
    return `${this.where} holds an Anthropic API key, which is refused everywhere: Ownloop runs on open models`
  }
}

/** Whether any string of a JSON value carries such a key, or the name of a field. Other objects, such as bindings, are not looked into. */
const holds = (value: unknown): boolean => {
  if (typeof value === "string") return carriesAnthropicKey(value)
  if (Array.isArray(value)) return value.some(holds)
  return isPlain(value) && Object.keys(value).some((name) => carriesAnthropicKey(name) || holds(value[name]))
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** Finds such a key among variables or bindings, by its usual name or by what it carries, however deep inside a JSON variable. */
export const findAnthropicKey = (env: Readonly<Record<string, unknown>>): Option.Option<AnthropicKeyRefused> => {
  const isSet = (name: string) => name === "ANTHROPIC_API_KEY" && env[name] !== undefined && env[name] !== ""
  const name = Object.keys(env).find((name) => isSet(name) || holds(env[name]))
  return Option.map(Option.fromUndefinedOr(name), (name) => new AnthropicKeyRefused({ where: `the variable ${name}` }))
}

/** A string that carries a key, or an object of which a field's name does. */
interface Place {
  readonly path: ReadonlyArray<string | number>
  readonly isName: boolean
}

/** The value with every such key masked, and where that was. */
const masking = (value: unknown, path: Place["path"], found: Array<Place>): unknown => {
  if (typeof value === "string") {
    if (!carriesAnthropicKey(value)) return value
    found.push({ path, isName: false })
    // A `Basic` credential can be masked only whole.
    return holdsAnthropicKey(value) ? maskAnthropicKeys(value) : mask
  }
  if (Array.isArray(value)) return value.map((item, index) => masking(item, [...path, index], found))
  if (!isPlain(value)) return value
  if (Object.keys(value).some(carriesAnthropicKey)) found.push({ path, isName: true })
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [maskAnthropicKeys(name), masking(item, [...path, name], found)])
  )
}

/** The value itself where it holds no such key; else a copy, with `mask` in place of each. */
export const maskEverywhere = <A>(value: A): A => (holds(value) ? (masking(value, [], []) as A) : value) // strings stay strings

/** Fields in which people write text, beside the values of `metadata`. A key in them is masked; in any other field it is refused. */
const textFields: ReadonlySet<string | undefined> = new Set([
  "system",
  "description",
  "title",
  "text",
  "input",
  "deny_message"
])

const isText = ({ path, isName }: Place): boolean => {
  const names = path.filter((step) => typeof step === "string")
  return !isName && (textFields.has(names.at(-1)) || names.slice(0, -1).includes("metadata"))
}

/** `events[0].content[0].text` */
const written = (path: Place["path"]): string =>
  path.map((step, at) => (typeof step === "number" ? `[${step}]` : at === 0 ? step : `.${step}`)).join("")

/** What a client sent, without such keys; fails where one stands in a field that is configuration. */
export const maskTextFields = (
  input: unknown
): Result.Result<
  {
    readonly value: unknown
    /** The fields in which one was masked, for example `events[0].content[0].text`. */
    readonly masked: ReadonlyArray<string>
  },
  AnthropicKeyRefused
> => {
  if (!holds(input)) return Result.succeed({ value: input, masked: [] })
  const found: Array<Place> = []
  const value = masking(input, [], found)
  const refused = found.find((place) => !isText(place))
  if (refused === undefined) return Result.succeed({ value, masked: found.map(({ path }) => written(path)) })
  const where = written(refused.path) || "the body"
  return Result.fail(new AnthropicKeyRefused({ where: refused.isName ? `the name of a field in ${where}` : where }))
}
